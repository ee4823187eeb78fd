"""Actions that a flow requests on a call: a closed union of commands. Results come back only as events.

Must not know: who executes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ivr.events import Heard, Value

InputKind = Literal["closed", "sequence", "free"]
AnsweredBy = Literal["voice", "key"]
CaseKey = Literal["call", "number", "phone"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt of prompts/catalog.yaml, by name, with the values of its variables.

    The value `said` is a span of the call (ivr.events.format_span) whose audio, the caller's own words, the prompt
    plays. If that audio is no longer available, the prompt `unplayed` is played instead.
    """

    name: str
    values: Mapping[str, Value] = field(default_factory=dict)
    unplayed: str = ""


@dataclass(frozen=True, slots=True)
class SpeechInput:
    """Accepted speech; recognizer.base.Grammar explains the kinds and `same`.

    `spot` lists the phrases that are not answers but keywords to spot in free speech.
    """

    language: str
    kind: InputKind
    phrases: tuple[str, ...]
    spot: tuple[str, ...] = ()
    same: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class KeyInput:
    """Accepted DTMF keys.

    The input ends after `num_digits` keys, at `finish_on_key` (empty: none), or, if `choices` lists every possible
    input, as soon as it can no longer grow into another choice: with choices 1 to 10, `7` ends at once and `1` waits
    for a `0`.
    """

    keys: str
    num_digits: int = 1
    finish_on_key: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """Play prompts; the next prompts of the turn follow without a gap."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Play prompts that cannot be interrupted; PromptsFinished reports the end."""

    wait: str
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Play prompts and collect an answer: SpeechHeard, DigitsPressed or NothingHeard.

    `timeout_ms` is the no-input timeout, counted from the end of the prompt. `timing` overrides individual turn-taking
    thresholds, the fields of ivr.turntaking.timing.Timing.
    """

    wait: str
    question: str
    prompts: tuple[Prompt, ...]
    speech: SpeechInput | None
    keys: KeyInput | None
    barge_in: bool
    timeout_ms: int
    timing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """Play prompts, then record free speech: SpeechRecorded, DigitsPressed (any of `keys`) or NothingHeard.

    `speech` holds the universal commands and the keywords to spot; None if no model recognises the language.
    """

    wait: str
    question: str
    prompts: tuple[Prompt, ...]
    speech: SpeechInput | None
    keys: KeyInput | None
    timeout_ms: int
    max_ms: int
    timing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait silently because the caller asked for a moment: SpeechHeard, DigitsPressed, or NothingHeard at `max_ms`."""

    wait: str
    prompts: tuple[Prompt, ...]
    speech: SpeechInput | None
    keys: KeyInput | None
    max_ms: int


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Start recording both sides; the consent notice has been played in full."""


@dataclass(frozen=True, slots=True)
class SaveAnswer:
    """Store an answer. `attempts` counts from 1; `confirmed` means the caller confirmed the read-back.

    `span_ms` is the span of free speech in the call (start, end); None for other answers.
    """

    question: str
    value: Value
    heard: str
    alternatives: tuple[Heard, ...]
    confidence: float
    by: AnsweredBy
    attempts: int
    confirmed: bool = False
    span_ms: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class BookCallback:
    """Schedule a callback at `at` (ISO 8601 with zone); `spoken` is the caller's wording."""

    at: str
    spoken: str


@dataclass(frozen=True, slots=True)
class OpenComplaint:
    """Open a case: its `kind` (`bad_review`, `complaint`), the `reason` and, in `details`, the facts behind it."""

    kind: str
    reason: str
    details: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookUpCase:
    """Look up a case: CaseFound or CaseMissing.

    By `call`: the case that this call opened last. By `number` or `phone`: `value` is the case number in digits or the
    customer's telephone number; only cases that may be disclosed to callers are found.
    """

    wait: str
    by: CaseKey
    value: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Transfer the caller to `target` (a name in the configuration): TransferCompleted or TransferFailed.

    `line`, if the rosters have a line of that name, is tried instead. `said` is a span of the call
    (ivr.events.format_span): the caller's own words, played after the whisper if their audio is still available.
    """

    wait: str
    target: str
    prompts: tuple[Prompt, ...]
    whisper: str = ""
    line: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Hangup:
    """Hang up after the pending prompts have played and the caller has had `linger_ms` to hang up first."""

    linger_ms: int


WaitAction = Notice | Ask | Record | Hold | LookUpCase | Transfer
Fact = StartRecording | SaveAnswer | BookCallback | OpenComplaint
Action = Say | WaitAction | Fact | Hangup
