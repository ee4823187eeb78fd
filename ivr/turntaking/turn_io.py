"""Inputs and outputs of a turn: expected input, verdicts, commands, results. Must not know: how they are produced."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal


@dataclass(frozen=True, slots=True)
class InputSpec:
    """Input that one wait accepts.

    `voice` is the kind of speech (see `recognizer.base.Grammar`), None for none. Keys are as in `ivr.actions.KeyInput`.
    `timeout_ms` is the no-input timeout, counted from the prompt's end; `max_ms` the maximum length of free speech. A
    `patient` turn (the caller asked for a moment) accepts complete answers and ignores all other voice.
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

    @property
    def accepts_input(self) -> bool:
        """Whether voice or keys are expected; a notice expects neither."""
        return self.voice is not None or bool(self.keys)


class Verdict(Enum):
    """Interpretation of the audio heard so far."""

    COMPLETE = auto()
    """An answer that cannot continue."""
    PREFIX = auto()
    """An answer, or the beginning of one, that often continues: 不, digits."""
    NOTHING = auto()
    """No answer."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Stop the prompt at once: clear the far end's buffer and remember the position."""


@dataclass(frozen=True, slots=True)
class Resume:
    """False suspicion: resume the prompt from its position. The recogniser may be closed."""


@dataclass(frozen=True, slots=True)
class GiveUpPrompt:
    """The prompt will not be resumed (a Mute came before)."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Feed all audio from `from_ms` on to a new recogniser, which replaces any earlier one."""

    from_ms: int


@dataclass(frozen=True, slots=True)
class Decode:
    """Decode the audio fed so far and pass the verdict to `QuestionTurn.decoded` with this request number."""

    request: int


@dataclass(frozen=True, slots=True)
class SpeechAnswered:
    """Result: the last decoded hypotheses are the answer, or no-match. `voice_ms` is the amount of voice heard."""

    voice_ms: int


@dataclass(frozen=True, slots=True)
class FreeSpeechEnded:
    """Result: free speech has ended; it started at `start_ms` on the call's clock."""

    start_ms: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class KeysEntered:
    """Result: the keys pressed, without the finish key."""

    digits: str


@dataclass(frozen=True, slots=True)
class NoInput:
    """Result: no input within the timeout."""


@dataclass(frozen=True, slots=True)
class PromptFinished:
    """Result if neither voice nor keys are expected: the prompt was heard to its end."""


TurnResult = SpeechAnswered | FreeSpeechEnded | KeysEntered | NoInput | PromptFinished
TurnOutput = Mute | Resume | GiveUpPrompt | Listen | Decode | TurnResult
