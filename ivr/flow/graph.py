"""A flow as a Mermaid flowchart. Must not know: who renders it."""

from __future__ import annotations

from typing import Final

from ivr.flow import model
from ivr.flow.ways import EXITS, targets

_SHAPES: Final = {
    "ask": ('["', '"]'),
    "book": ('["', '"]'),
    "record": ('[/"', '"/]'),
    "branch": ('{"', '"}'),
    "lookup": ('[("', '")]'),
    "hangup": ('(["', '"])'),
    "transfer": ('[["', '"]]'),
    "subflow": ('[["', '"]]'),
}
_RESERVED: Final = frozenset(
    {"end", "graph", "flowchart", "subgraph", "direction", "style", "class", "click", "call", "href", "default"}
)
"""Keywords of Mermaid; capitalised, they are valid names."""


def mermaid(name: str, flow: model.Flow) -> str:
    """Return the flow's nodes, edges and exits as Mermaid text, one per line."""
    title = next(iter(flow.title.values()))
    lines = ["flowchart TD", f"    %% {name}: {title}", f"    Start({name}) --> {_id(flow.start)}"]
    for key, node in flow.nodes.items():
        opening, closing = _SHAPES.get(node.type, ('("', '")'))
        lines.append(f"    {_id(key)}{opening}{key}<br/><i>{_caption(node)}</i>{closing}")
        for label, target in targets(node):
            lines.append(f"    {_id(key)} -->{_label(node, label)} {_id(target)}")
    exits = {exit_name: target for exit_name in (*EXITS, "lastly") if (target := getattr(flow, exit_name))}
    lines.extend(f"    {exit_name.capitalize()}({exit_name}) -.-> {_id(target)}" for exit_name, target in exits.items())
    return "\n".join(lines) + "\n"


def _id(node: str) -> str:
    """Return a valid Mermaid id; node names are lower-case, so a capitalised id cannot collide."""
    return node.capitalize() if node in _RESERVED or node == model.RETURN else node


def _caption(node: model.FlowNode) -> str:
    match node:
        case model.AskNode(answer=answer):
            return answer.type
        case model.LookupNode(by=by):
            return f"by {by}"
        case model.SubflowNode(flow=flow):
            return flow
    return str(getattr(node, "prompt", None) or node.type)


def _label(node: model.FlowNode, label: str) -> str:
    if isinstance(node, model.BranchNode) and label.startswith("cases."):
        return f'|"{_escape(node.cases[int(label[6:]) - 1].when)}"|'
    plain = label.removeprefix("next.")
    return "" if plain == "next" else f'|"{plain}"|'


def _escape(text: str) -> str:
    """Escape characters with a meaning in Mermaid or HTML."""
    return text.replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
