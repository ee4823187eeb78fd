"""The vocabulary of a turn: what it expects, verdicts, what it orders. Must not know: how any of it comes about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What one wait takes as an answer.

    `voice` is the kind of speech (see `recognizer.base.Grammar`), None for none. Keys as in `ivr.actions.KeyInput`.
    `timeout_ms` is the time to begin, counted from the prompt's end; `max_ms` the longest free answer. A `patient`
    turn (the caller asked for a moment) hears only complete answers and lets all other voice pass.
    """

    voice: Literal["closed", "sequence", "free"] | None
    timeout_ms: int
    keys: str = ""
    num_digits: int = 1
    finish_on_key: str = ""
    choices: tuple[str, ...] = ()
    barge_in: bool = True
    max_ms: int = 60_000
    patient: bool = False


class Verdict(Enum):
    """What the audio heard so far amounts to."""

    COMPLETE = auto()
    """An answer that nothing more belongs to."""
    PREFIX = auto()
    """An answer, or the beginning of one, that often goes on: 不, digits."""
    NOTHING = auto()
    """No answer."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Be quiet now: clear the far end and remember how far the prompt was heard."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Nothing followed: play the prompt on from where it was heard. Whatever listens may be closed."""


@dataclass(frozen=True, slots=True)
class GiveUpPrompt:
    """The prompt is over for good (a Mute has come before)."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Feed a new recogniser with all audio from `from_ms` on; it replaces any earlier one."""

    from_ms: int


@dataclass(frozen=True, slots=True)
class Decode:
    """Decode what was fed so far and hand the verdict to `Turn.decoded` with this request."""

    request: int


@dataclass(frozen=True, slots=True)
class SpeechAnswered:
    """Final: the result last decoded is the answer, or no match if it holds none. `voice_ms` of voice were heard."""

    voice_ms: int


@dataclass(frozen=True, slots=True)
class FreeSpeechEnded:
    """Final: free speech has ended; it lies at `start_ms` on the call's clock."""

    start_ms: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class KeysEntered:
    """Final: keys, without the finishing one."""

    digits: str


@dataclass(frozen=True, slots=True)
class NoInput:
    """Final: the time to answer ran out."""


@dataclass(frozen=True, slots=True)
class PromptFinished:
    """Final, where neither voice nor keys are expected: the prompt was heard to its end."""


TurnResult = SpeechAnswered | FreeSpeechEnded | KeysEntered | NoInput | PromptFinished
TurnOutput = Mute | Resume | GiveUpPrompt | Listen | Decode | TurnResult
