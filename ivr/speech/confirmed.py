"""Extraction of confirmed answers from a recorded call: confirmed after a read-back, or keyed after an unclear answer.

Digits and telephone numbers are left out because they identify the caller; so is free speech, whose words were not
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
    """A confirmed answer: `text` was spoken in `turn`, with `voice_ms` of voice, and ended at `end_ms` of the call."""

    turn: int
    text: str
    voice_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class _SpokenAnswer:
    place: NodeRef
    turn_record: TurnRecord
    event: SpeechHeard
    end_ms: int

    def as_text(self, text: str) -> ConfirmedAnswer:
        return ConfirmedAnswer(self.turn_record.turn, text, self.event.voice_ms, self.end_ms)


def confirmed_answers(flow_set: FlowSet, record: CallRecord) -> Iterator[ConfirmedAnswer]:
    """Yield the confirmed answers of a call by replaying it through `flow_set`; stop if the record deviates from it."""
    state = engine.begin(flow_set.flows, flow_set.version, record.call.flow, record.call.language, speech=True)
    lines = iter([line for line in record.transcript if line.who == "caller"])
    said: list[_SpokenAnswer] = []
    for turn_record in record.turns:
        try:
            turn = engine.step(flow_set.flows, state, turn_record.event, turn_record.at)
        except engine.EngineFault:
            return
        line = next(lines, None) if _has_line(turn_record.event) else None
        if turn.state.turn != turn_record.turn:
            return
        if line and (spoken := _spoken_answer(state, turn_record, line)):
            said.append(spoken)
        for action in turn.actions:
            if isinstance(action, SaveAnswer):
                here = [one for one in said if one.place == state.place]
                yield from _confirmed_by(flow_set.flows, record.call.language, here, action)
                said.clear()
        state = turn.state


def _has_line(event: Event) -> bool:
    """Return whether the event has a transcript line; see ivr/call/journal/transcript_builder.py."""
    return isinstance(event, SpeechHeard | SpeechRecorded | DigitsPressed | NothingHeard)


def _spoken_answer(state: FlowState, turn_record: TurnRecord, line: TranscriptLine) -> _SpokenAnswer | None:
    """Return the answer spoken in this turn; None for other events and for replies to a read-back."""
    match turn_record.event:
        case SpeechHeard(alternatives=(best, *_)) as event if best.text == line.text:
            if state.wait and not state.wait.candidate:
                return _SpokenAnswer(state.place, turn_record, event, line.at_ms)
    return None


def _confirmed_by(
    callflows: model.Callflows, language: str, said: list[_SpokenAnswer], answer: SaveAnswer
) -> Iterator[ConfirmedAnswer]:
    for one in said:
        node = callflows.flows[one.place.flow].nodes[one.place.node]
        if not isinstance(node, model.AskNode | model.BookNode) or _identifies_caller(node):
            continue
        if answer.by == "key":
            readings = (heard.text for heard in one.event.alternatives)
            matching = (
                text for text in readings if _parsed_value(callflows, node, language, text, one) == answer.value
            )
            if (text := next(matching, None)) is not None:
                yield one.as_text(text)
        elif answer.confirmed and answer.alternatives == one.event.alternatives:
            yield one.as_text(answer.heard)


def _identifies_caller(node: model.QuestionNode) -> bool:
    return isinstance(node, model.AskNode) and isinstance(node.answer, model.Digits)


def _parsed_value(
    callflows: model.Callflows, node: model.QuestionNode, language: str, text: str, said: _SpokenAnswer
) -> object:
    read = answers.interpret(node, callflows.universals, language, text, said.turn_record.at)
    return read.value if isinstance(read, Understood) else None
