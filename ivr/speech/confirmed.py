"""A recorded call → what its caller said for certain: read back and agreed to, or keyed after an unclear answer.

Digits and telephone numbers are left out, for they tell who the caller is, and so is free speech, whose words nobody
confirmed. Pure. Must not know: audio, files, databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.actions import SaveAnswer
from ivr.events import DigitsPressed, Event, NothingHeard, SpeechHeard, SpeechRecorded
from ivr.flow import answers, engine, model
from ivr.flow.outcome import Understood
from ivr.flow.parse import FlowSet
from ivr.flow.state import FlowState, NodeRef
from ivr.records.record import CallRecord, TurnRecord
from ivr.transcript import TranscriptLine


@dataclass(frozen=True, slots=True)
class ConfirmedAnswer:
    """`text` was said in a turn, with `voice_ms` of voice; it was over at `end_ms` on the call's clock."""

    turn: int
    text: str
    voice_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class _Said:
    place: NodeRef
    past: TurnRecord
    event: SpeechHeard
    end_ms: int

    def as_text(self, text: str) -> ConfirmedAnswer:
        return ConfirmedAnswer(self.past.turn, text, self.event.voice_ms, self.end_ms)


def confirmed(flow_set: FlowSet, record: CallRecord) -> Iterator[ConfirmedAnswer]:
    """What is certain in a call that went through the flows in `book`; nothing more where its record leaves them."""
    state = engine.begin(flow_set.flows, flow_set.version, record.call.flow, record.call.language, speech=True)
    lines = iter([line for line in record.transcript if line.who == "caller"])
    said: list[_Said] = []
    for past in record.turns:
        try:
            turn = engine.step(flow_set.flows, state, past.event, past.at)
        except engine.EngineFault:
            return
        line = next(lines, None) if _has_line(past.event) else None
        if turn.state.turn != past.turn:
            return
        if line and (spoken := _said(state, past, line)):
            said.append(spoken)
        for action in turn.actions:
            if isinstance(action, SaveAnswer):
                here = [one for one in said if one.place == state.place]
                yield from _certain(flow_set.flows, record.call.language, here, action)
                said.clear()
        state = turn.state


def _has_line(event: Event) -> bool:
    """Whether the event stands in the transcript; see ivr/call/journal/transcript_builder.py."""
    return isinstance(event, SpeechHeard | SpeechRecorded | DigitsPressed | NothingHeard)


def _said(state: FlowState, past: TurnRecord, line: TranscriptLine) -> _Said | None:
    """An answer spoken, not yet the reply to its being read back."""
    match past.event:
        case SpeechHeard(alternatives=(best, *_)) as event if best.text == line.text:
            if state.wait and not state.wait.candidate:
                return _Said(state.place, past, event, line.at_ms)
    return None


def _certain(
    callflows: model.Callflows, language: str, said: list[_Said], answer: SaveAnswer
) -> Iterator[ConfirmedAnswer]:
    for one in said:
        node = callflows.flows[one.place.flow].nodes[one.place.node]
        if not isinstance(node, model.AskNode | model.BookNode) or _personal(node):
            continue
        if answer.by == "key":
            readings = (heard.text for heard in one.event.alternatives)
            means = (text for text in readings if _value(callflows, node, language, text, one) == answer.value)
            if (text := next(means, None)) is not None:
                yield one.as_text(text)
        elif answer.confirmed and answer.alternatives == one.event.alternatives:
            yield one.as_text(answer.heard)


def _personal(node: model.QuestionNode) -> bool:
    return isinstance(node, model.AskNode) and isinstance(node.answer, model.Digits)


def _value(callflows: model.Callflows, node: model.QuestionNode, language: str, text: str, said: _Said) -> object:
    read = answers.interpret(node, callflows.universals, language, text, said.past.at)
    return read.value if isinstance(read, Understood) else None
