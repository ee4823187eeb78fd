"""What the flow waits for in a turn's terms, and what came of a turn in the flow's terms. Pure.

Must not know: audio, time, how answers are understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ivr import actions, events
from ivr.call import orders
from ivr.events import Event, Heard

CUE_MAX_MS: Final = 3_000
CUE_SURE: Final = 0.8
"""Free speech is a command or a cue only when it is no longer than this and heard at least so surely."""

Waiting = actions.Notice | actions.Ask | actions.Record | actions.Hold
"""The actions that a turn is taken for."""


def expected(action: Waiting) -> orders.Expected:
    """What the turn takes as an answer to the action."""
    if isinstance(action, actions.Notice):
        return orders.Expected(voice=None, timeout_ms=1)
    keys = action.keys or actions.KeyInput("")
    speech = "free" if isinstance(action, actions.Record) else action.speech.kind if action.speech else None
    return orders.Expected(
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


def outcome(wait: str, final: orders.Final, heard: Sequence[Heard]) -> Event:
    """What came of the turn, with what the recogniser heard last."""
    alternatives = tuple(heard)
    match final:
        case orders.Answered(voice_ms):
            return events.SpeechHeard(wait, alternatives, voice_ms)
        case orders.Spoke(_, duration_ms) if (
            alternatives and alternatives[0].confidence >= CUE_SURE and duration_ms <= CUE_MAX_MS
        ):
            return events.SpeechHeard(wait, alternatives, duration_ms)
        case orders.Spoke(start_ms, duration_ms):
            return events.SpeechRecorded(wait, start_ms, duration_ms)
        case orders.Pressed(digits):
            return events.DigitsPressed(wait, digits)
        case orders.PromptHeard():
            return events.PromptsFinished(wait)
        case orders.NothingHeard():
            return events.NothingHeard(wait)
