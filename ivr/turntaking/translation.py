"""Translation between flow actions and turn-taking: an action into an InputSpec, a turn's result into an event. Pure.

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
"""Free speech counts as a command or a cue only up to CUE_MAX_MS and from CUE_MIN_CONFIDENCE on."""

SPOTTED_MIN_CONFIDENCE: Final = 0.9
"""Minimum confidence of a spotted word, which is a hint to staff who can listen to the recording. Measured with the 50
words of lines.yaml: found in 2 of 70 sentences read by real speakers without such a word (9 at 0.5), missed in half of
200 sentences spoken by synthetic voices with one (39 % at 0.5).
"""

InputAction = actions.Notice | actions.Ask | actions.Record | actions.Hold
"""Actions that take a turn."""


def input_spec(action: InputAction) -> turn_io.InputSpec:
    """Return the input that an action accepts."""
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
    """Convert the recogniser's hypotheses into the flow's type."""
    return tuple(Heard(one.text, one.confidence) for one in hypotheses)


def outcome(action: InputAction, final: turn_io.TurnResult, hypotheses: Sequence[Hypothesis]) -> Event:
    """Return the event for a turn's result and the last hypotheses."""
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
    """Return SpeechHeard if free speech consists of a short command or cue only, otherwise SpeechRecorded."""
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
    """Return whether `words` contain the phrase; non-ASCII words may be parts of a phrase."""
    return f" {phrase} " in f" {words} " if phrase.isascii() else phrase in words.replace(" ", "")
