"""What the flow waits for in a turn's terms, and what came of a turn in the flow's terms. Pure.

Must not know: audio, time, how answers are understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ivr import actions, events
from ivr.events import Event, Heard
from ivr.turntaking import turn_io
from recognizer.base import Hypothesis

CUE_MAX_MS: Final = 3_000
CUE_MIN_CONFIDENCE: Final = 0.8
"""Free speech is a command or a cue only when it is no longer than this and heard at least so surely."""

SPOTTED_MIN_CONFIDENCE: Final = 0.9
"""A word worth noticing counts from here on: it is a hint to a person, who can hear the recording. Measured with the
50 words of lines.yaml: found in 2 of 70 sentences that real people read without such a word (from 0.5 on in 9), missed
in half of 200 that synthetic voices spoke with one (from 0.5 on in 39 %).
"""

InputAction = actions.Notice | actions.Ask | actions.Record | actions.Hold
"""The actions that a turn is taken for."""


def input_spec(action: InputAction) -> turn_io.InputSpec:
    """What the turn takes as an answer to the action."""
    if isinstance(action, actions.Notice):
        return turn_io.InputSpec(voice=None, timeout_ms=1)
    keys = action.keys or actions.KeyInput("")
    speech = "free" if isinstance(action, actions.Record) else action.speech.kind if action.speech else None
    return turn_io.InputSpec(
        voice=speech,
        timeout_ms=action.max_ms if isinstance(action, actions.Hold) else action.timeout_ms,
        keys=keys.keys,
        num_digits=keys.num_digits,
        finish_on_key=keys.finish_on_key,
        choices=keys.choices,
        barge_in=not isinstance(action, actions.Ask) or action.barge_in,
        max_ms=action.max_ms if isinstance(action, actions.Record) else 0,
        patient=isinstance(action, actions.Hold),
    )


def alternatives(hypotheses: Sequence[Hypothesis]) -> tuple[Heard, ...]:
    """The recogniser's readings as the flow takes them."""
    return tuple(Heard(one.text, one.confidence) for one in hypotheses)


def outcome(action: InputAction, final: turn_io.TurnResult, hypotheses: Sequence[Hypothesis]) -> Event:
    """What came of the turn, with what the recogniser heard last."""
    wait = action.wait
    match final:
        case turn_io.SpeechAnswered(voice_ms):
            return events.SpeechHeard(wait, alternatives(hypotheses), voice_ms)
        case turn_io.FreeSpeechEnded(start_ms, duration_ms):
            return _free_speech(action, start_ms, duration_ms, hypotheses)
        case turn_io.KeysEntered(digits):
            return events.DigitsPressed(wait, digits)
        case turn_io.PromptFinished():
            return events.PromptsFinished(wait)
        case turn_io.NoInput():
            return events.NothingHeard(wait)


def _free_speech(action: InputAction, start_ms: int, duration_ms: int, hypotheses: Sequence[Hypothesis]) -> Event:
    """Free speech: a command or a cue when it is short and nothing else, otherwise what was said."""
    speech = None if isinstance(action, actions.Notice) else action.speech
    if not hypotheses or speech is None:
        return events.SpeechRecorded(action.wait, start_ms, duration_ms)
    best = hypotheses[0]
    sure = " ".join(word.text for word in best.words if word.confidence >= SPOTTED_MIN_CONFIDENCE)
    cues = tuple(cue for cue in speech.spot if _contains(sure, cue))
    known = best.text in speech.phrases or all(word.text in speech.phrases for word in best.words)
    if known and not cues and best.confidence >= CUE_MIN_CONFIDENCE and duration_ms <= CUE_MAX_MS:
        return events.SpeechHeard(action.wait, alternatives(hypotheses), duration_ms)
    return events.SpeechRecorded(action.wait, start_ms, duration_ms, "" if known else best.text, cues)


def _contains(words: str, phrase: str) -> bool:
    """Whether the phrase is among the words, which may be parts of it."""
    return f" {phrase} " in f" {words} " if phrase.isascii() else phrase in words.replace(" ", "")
