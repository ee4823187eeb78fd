"""Simulation of many calls under a model of recognition errors.

Every caller answers truthfully, rejects a wrong read-back, and uses the keys after two misses. Must not know:
recognisers, audio, how errors are measured.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ivr.actions import SaveAnswer
from ivr.flow import answers, model
from ivr.flow.keypad import CONFIRM_KEYS
from ivr.flow.parse import FlowSet
from ivr.flow.simulate import SimulatedCall
from ivr.lifecycle import Disposition

_KEYS_AFTER_MISSES: Final = 2
_MAX_TURNS: Final = 100
_SAY: Final = {True: {"zh-CN": "对", "en-US": "yes"}, False: {"zh-CN": "不对", "en-US": "no"}}
_NOTHING_TO_ADD: Final = "~没什么意见"


@dataclass(frozen=True, slots=True)
class HeardAs:
    """How one answer was recognised: correctly or not, and with which confidence (0: no-match)."""

    right: bool
    confidence: float


HearingModel = Mapping[str, Sequence[HeardAs]]
"""Kind of answer (`yes_no`, `choice`, `score`) → recognition results to sample from."""


@dataclass(frozen=True, slots=True)
class CrowdResult:
    """Totals of a simulation: calls completed; answers stored, of these correct, keyed and confirmed; turns taken."""

    calls: int
    completed: int
    stored: int
    right: int
    keyed: int
    confirmed: int
    turns: int


def survey(
    flow_set: FlowSet,
    flow: str,
    language: str,
    hearing: HearingModel,
    *,
    calls: int,
    seed: int,
    now: datetime,
    first: str = "",
) -> CrowdResult:
    """Simulate `calls` calls through a flow; every caller says yes to the question `first`.

    Raises:
        KeyError: `hearing` lacks a kind of answer that the flow asks for.
    """
    rng = random.Random(seed)  # noqa: S311
    completed = stored = right = keyed = confirmed = turns = 0
    for _ in range(calls):
        nodes = flow_set.flows.flows[flow].nodes
        truth = {
            name: rng.choice(_possible_values(node)) for name, node in nodes.items() if isinstance(node, model.AskNode)
        }
        truth |= {first: "yes"} if first else {}
        simulated = SimulatedCall(flow_set, flow, language, now)
        for _ in range(_MAX_TURNS):
            if simulated.over:
                break
            simulated.type(_next_input(simulated, flow_set, truth, hearing, rng))
            turns += 1
        saved = [fact for fact in simulated.facts if isinstance(fact, SaveAnswer) and fact.question in truth]
        completed += simulated.state.disposition == Disposition.COMPLETED
        stored += len(saved)
        right += sum(str(fact.value) == truth[fact.question] for fact in saved)
        keyed += sum(fact.by == "key" for fact in saved)
        confirmed += sum(fact.confirmed for fact in saved)
    return CrowdResult(calls, completed, stored, right, keyed, confirmed, turns)


def _next_input(
    simulated: SimulatedCall, flow_set: FlowSet, truth: Mapping[str, str], hearing: HearingModel, rng: random.Random
) -> str:
    """Return the caller's next input as recognised, in the notation of `simulate`."""
    place, wait = simulated.state.place, simulated.state.wait
    node = flow_set.flows.flows[place.flow].nodes[place.node]
    if isinstance(node, model.TransferNode) or wait is None:
        return "<untaken>"
    if isinstance(node, model.RecordNode):
        return _NOTHING_TO_ADD
    if not isinstance(node, model.AskNode) or place.node not in truth:
        return "#1"
    true = truth[place.node]
    if wait.candidate:
        matches = str(wait.candidate.value) == true
        if wait.candidate.by == "key" or wait.silences:
            return f"#{next(key for key, yes in CONFIRM_KEYS.items() if yes == matches)}"
        heard = rng.choice(hearing["yes_no"])
        return _typed(_SAY[matches == heard.right][simulated.state.language], heard)
    if wait.misses >= _KEYS_AFTER_MISSES:
        return f"#{_key_for(node, true)}"
    heard = rng.choice(hearing[node.answer.type])
    meanings = answers.meanings(node, flow_set.flows.universals, simulated.state.language)
    meaning = true if heard.right else rng.choice([one for one in _possible_values(node) if one != true])
    return _typed(rng.choice(sorted(meanings[meaning])), heard)


def _typed(phrase: str, heard: HeardAs) -> str:
    return f"{phrase}@{heard.confidence:.3f}" if heard.confidence else "???"


def _possible_values(node: model.AskNode) -> list[str]:
    """Return the possible values of an answer, as text."""
    match node.answer:
        case model.Score(low=low, high=high):
            return [str(score) for score in range(low, high + 1)]
        case model.Digits():
            return [""]
    return list(answers.values(node.answer))


def _key_for(node: model.AskNode, true: str) -> str:
    named = answers.values(node.answer)
    return named[true].keys or "" if named else true
