"""Many simulated callers who answer truly and are heard with given errors: what becomes of their calls.

Each says what is true, says no when something else is read back, and after two misses presses the key. Must not know:
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

_KEYS_AFTER: Final = 2
_MOST_TURNS: Final = 100
_SAY: Final = {True: {"zh-CN": "对", "en-US": "yes"}, False: {"zh-CN": "不对", "en-US": "no"}}
_NOTHING_TO_ADD: Final = "~没什么意见"


@dataclass(frozen=True, slots=True)
class HeardAs:
    """How one answer was heard: as what was meant or as something else, and how surely (0: not at all)."""

    right: bool
    confidence: float


HearingModel = Mapping[str, Sequence[HeardAs]]
"""By kind of answer (`yes_no`, `choice`, `score`): ears to draw from."""


@dataclass(frozen=True, slots=True)
class CrowdResult:
    """What became of calls: how many completed, what was stored, how many of it right, and what it took."""

    calls: int
    completed: int
    stored: int
    right: int
    keyed: int
    confirmed: int
    turns: int


def survey(
    book: FlowSet,
    flow: str,
    language: str,
    ears: HearingModel,
    *,
    calls: int,
    seed: int,
    now: datetime,
    first: str = "",
) -> CrowdResult:
    """Take so many calls through a flow; to the question `first` everybody says yes.

    Raises:
        KeyError: the flow asks for a kind of answer that there are no ears for.
    """
    chance = random.Random(seed)  # noqa: S311
    completed = stored = right = keyed = confirmed = turns = 0
    for _ in range(calls):
        nodes = book.flows.flows[flow].nodes
        truth = {
            name: chance.choice(_possible(node)) for name, node in nodes.items() if isinstance(node, model.AskNode)
        }
        truth |= {first: "yes"} if first else {}
        talk = SimulatedCall(book, flow, language, now)
        for _ in range(_MOST_TURNS):
            if talk.over:
                break
            talk.type(_says(talk, book, truth, ears, chance))
            turns += 1
        saved = [fact for fact in talk.facts if isinstance(fact, SaveAnswer) and fact.question in truth]
        completed += talk.state.disposition == Disposition.COMPLETED
        stored += len(saved)
        right += sum(str(fact.value) == truth[fact.question] for fact in saved)
        keyed += sum(fact.by == "key" for fact in saved)
        confirmed += sum(fact.confirmed for fact in saved)
    return CrowdResult(calls, completed, stored, right, keyed, confirmed, turns)


def _says(
    talk: SimulatedCall, book: FlowSet, truth: Mapping[str, str], ears: HearingModel, chance: random.Random
) -> str:
    """What the caller's next words come out as, in the writing of `simulate`."""
    place, wait = talk.state.place, talk.state.wait
    node = book.flows.flows[place.flow].nodes[place.node]
    if isinstance(node, model.TransferNode) or wait is None:
        return "<untaken>"
    if isinstance(node, model.RecordNode):
        return _NOTHING_TO_ADD
    if not isinstance(node, model.AskNode) or place.node not in truth:
        return "#1"
    true = truth[place.node]
    if wait.candidate:
        agrees = str(wait.candidate.value) == true
        if wait.candidate.by == "key" or wait.silences:
            return f"#{next(key for key, yes in CONFIRM_KEYS.items() if yes == agrees)}"
        ear = chance.choice(ears["yes_no"])
        return _written(_SAY[agrees == ear.right][talk.state.language], ear)
    if wait.misses >= _KEYS_AFTER:
        return f"#{_key(node, true)}"
    ear = chance.choice(ears[node.answer.type])
    meanings = answers.meanings(node, book.flows.universals, talk.state.language)
    meaning = true if ear.right else chance.choice([one for one in _possible(node) if one != true])
    return _written(chance.choice(sorted(meanings[meaning])), ear)


def _written(phrase: str, ear: HeardAs) -> str:
    return f"{phrase}@{ear.confidence:.3f}" if ear.confidence else "???"


def _possible(node: model.AskNode) -> list[str]:
    """The values that an answer may have, as text."""
    match node.answer:
        case model.Score(low=low, high=high):
            return [str(score) for score in range(low, high + 1)]
        case model.Digits():
            return [""]
    return list(answers.values(node.answer))


def _key(node: model.AskNode, true: str) -> str:
    named = answers.values(node.answer)
    return named[true].keys or "" if named else true
