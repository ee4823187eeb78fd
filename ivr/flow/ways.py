"""The graph of a flow: edges, reachability, dead ends and loops. Must not know: prompts, phrases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ivr.flow import model
from ivr.flow.salvage import NOTHING_UNREAD, Unread

_QUIET = model.BranchNode | model.SetNode | model.ComplaintNode
_QUESTION = model.AskNode | model.BookNode | model.RecordNode
_WAITING = _QUESTION | model.NoticeNode | model.TransferNode | model.HangupNode

EXITS = ("on_agent", "on_refuse", "on_give_up")

Edges = Mapping[str, set[str]]
Faults = Iterator[tuple[str, str]]
"""Pairs of a path and a reason."""


def targets(node: model.FlowNode) -> Iterator[tuple[str, str]]:
    """Yield the targets of a node, each with the key that names it."""
    match node:
        case model.BranchNode(cases=cases, otherwise=otherwise):
            yield from ((f"cases.{number}", case.next) for number, case in enumerate(cases, 1))
            yield "otherwise", otherwise
        case model.LookupNode(found=found, missing=missing):
            yield "found", found
            yield "missing", missing
        case model.TransferNode(failed=failed, after=after):
            yield "failed", failed
            if after:
                yield "after", after
        case model.HangupNode():
            return
        case model.AskNode(next=dict(ways)):
            yield from ((f"next.{value}", way) for value, way in ways.items())
        case _ if isinstance(node.next, str):
            yield "next", node.next
    if isinstance(node, _QUESTION) and node.otherwise:
        yield "otherwise", node.otherwise


def check_graph(callflows: model.Callflows, name: str, unread: Unread = NOTHING_UNREAD) -> Faults:
    """Yield the faults of a flow's graph: unknown targets, unreachable nodes, dead ends, silent loops, missing exits.

    If a target is unknown, or a part of the flow is unread, the consequences (unreachable nodes, dead ends) are not
    reported.
    """
    flow = callflows.flows[name]
    unknown = list(_unknown(callflows, name, flow, unread))
    yield from unknown
    yield from _subflows(callflows, name)
    if unknown or name in unread.flows:
        return
    edges = {key: {target for _, target in targets(node)} for key, node in flow.nodes.items()}
    lastly = reachable_from(edges, [flow.lastly] if flow.lastly else [])
    conversation = reachable_from(edges, [flow.start, *(way for key in EXITS if (way := getattr(flow, key)))])
    for node in flow.nodes.keys() - lastly - conversation:
        yield f"{name}.{node}", "unreachable: no node leads here"
    for node in lastly & flow.nodes.keys():
        if not isinstance(flow.nodes[node], _QUIET):
            yield f"{name}.{node}", "is in the flow's `lastly` chain; only branch, set and complaint nodes may be"
    yield from _dead_ends(name, flow, edges, conversation | lastly)
    if not unread.flows and not _is_called(callflows, name):
        if model.RETURN in conversation:
            yield name, "“return” is used in a flow that no subflow node calls; use a hangup node instead"
        yield from _missing_exits(callflows, name, flow)
    yield from _loops(callflows, name, flow, edges, unread)


def reachable_from(edges: Mapping[str, Iterable[str]], start: Iterable[str]) -> set[str]:
    """Return all nodes reachable from `start`, including `start`."""
    seen: set[str] = set()
    todo = list(start)
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(edges.get(node, ()))
    return seen


def _is_called(callflows: model.Callflows, name: str) -> bool:
    return any(node.flow == name for flow in callflows.flows.values() for node in _calls(flow))


def _unknown(callflows: model.Callflows, name: str, flow: model.Flow, unread: Unread) -> Faults:
    nodes = flow.nodes.keys() | unread.names
    for key in ("start", *EXITS, "lastly"):
        target = getattr(flow, key)
        if target and target not in nodes:
            yield f"{name}.{key}", f"unknown node “{target}”"
    for node_name, node in flow.nodes.items():
        for key, target in targets(node):
            if target != model.RETURN and target not in nodes:
                yield f"{name}.{node_name}.{key}", f"unknown node “{target}”"
        if isinstance(node, model.SubflowNode) and node.flow not in callflows.flows.keys() | unread.names:
            yield f"{name}.{node_name}.flow", f"unknown flow “{node.flow}”"
    for question in flow.essential:
        if question not in _questions(callflows, name) | unread.names:
            yield f"{name}.essential", f"“{question}” is not a question of this flow"


def _dead_ends(name: str, flow: model.Flow, edges: Edges, reached: set[str]) -> Faults:
    backward: dict[str, set[str]] = {}
    for source, sinks in edges.items():
        for sink in sinks:
            backward.setdefault(sink, set()).add(source)
    ends = {key for key, node in flow.nodes.items() if isinstance(node, model.HangupNode)} | {model.RETURN}
    if not ends & edges.keys() and model.RETURN not in backward:
        yield name, "no path ends the call; add a hangup node"
        return
    for node in (reached & flow.nodes.keys()) - reachable_from(backward, ends):
        yield f"{name}.{node}", "dead end: no path from here ends the call"


def _loops(callflows: model.Callflows, name: str, flow: model.Flow, edges: Edges, unread: Unread) -> Faults:
    silent = {key: edges[key] for key, node in flow.nodes.items() if not _always_waits(callflows, node, unread.flows)}
    for node, sinks in silent.items():
        if node in reachable_from(silent, sinks):
            yield f"{name}.{node}", "loops without waiting for the caller"


def _always_waits(
    callflows: model.Callflows, node: model.FlowNode, unread: frozenset[str], inside: frozenset[str] = frozenset()
) -> bool:
    """Return whether the node always waits for the caller; for a subflow: on every path through it, or unknown."""
    if isinstance(node, model.SubflowNode) and node.flow in unread:
        return True
    if not isinstance(node, model.SubflowNode) or node.flow not in callflows.flows or node.flow in inside:
        return isinstance(node, _WAITING)
    callee = callflows.flows[node.flow]
    quiet = {
        key: {target for _, target in targets(each)}
        for key, each in callee.nodes.items()
        if not _always_waits(callflows, each, unread, inside | {node.flow})
    }
    return model.RETURN not in reachable_from(quiet, [callee.start])


def _subflows(callflows: model.Callflows, name: str) -> Faults:
    calls = {key: {node.flow for node in _calls(flow)} for key, flow in callflows.flows.items()}
    if name in reachable_from(calls, calls[name]):
        yield name, "calls itself through its subflows"
    own = _questions(callflows, name)
    for callee in reachable_from(calls, calls[name]) & callflows.flows.keys() - {name}:
        for question in own & _questions(callflows, callee):
            yield f"{name}.{question}", f"subflow “{callee}” has a question of the same name"


def _calls(flow: model.Flow) -> Iterator[model.SubflowNode]:
    return (node for node in flow.nodes.values() if isinstance(node, model.SubflowNode))


def _questions(callflows: model.Callflows, name: str) -> set[str]:
    return {key for key, node in callflows.flows[name].nodes.items() if isinstance(node, _QUESTION)}


def _missing_exits(callflows: model.Callflows, name: str, flow: model.Flow) -> Faults:
    """Yield the exits that a flow with questions, its own or in subflows, does not define."""
    calls = {key: {node.flow for node in _calls(each)} for key, each in callflows.flows.items()}
    if any(_questions(callflows, each) for each in reachable_from(calls, [name]) & callflows.flows.keys()):
        for way in EXITS:
            if getattr(flow, way) is None:
                yield name, f"asks questions but has no {way}"
