"""What is to be done on a call: intents, imperative, a closed union. Their results come back only as events.

Must not know: who performs them.
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
    """A name in prompts/catalog.yaml with the values of its variables.

    The value `said` is a place in the call (ivr.events.format_span): the caller's own words, which the prompt plays. Where
    they are gone, the prompt `unplayed` is said instead.
    """

    name: str
    values: Mapping[str, Value] = field(default_factory=dict)
    unplayed: str = ""


@dataclass(frozen=True, slots=True)
class SpeechInput:
    """What may be said: see recognizer.base.Grammar for the kinds and for `same`.

    `spot` are those of the phrases that answer nothing: in free speech they are worth noticing.
    """

    language: str
    kind: InputKind
    phrases: tuple[str, ...]
    spot: tuple[str, ...] = ()
    same: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class KeyInput:
    """Which keys count.

    The input ends at `num_digits`, at `finish_on_key` (empty: never), or, where `choices` names every possible input,
    as soon as none of them can follow: with choices 1 to 10, `7` ends at once and `1` waits for a `0`.
    """

    keys: str
    num_digits: int = 1
    finish_on_key: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """Play prompts; whatever follows in the turn is played right after."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Play prompts that must be heard in full; answered by PromptsFinished. Nothing stops them."""

    wait: str
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Play prompts and take an answer: SpeechHeard, DigitsPressed or NothingHeard.

    `timeout_ms` is the time to begin an answer, counted from the end of the prompt. `timing` overrides single entries
    of the table in ivr/turntaking/turn.py (ms).
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
    """Play prompts, then keep what is said freely: SpeechRecorded, DigitsPressed (any of `keys`) or NothingHeard.

    `speech` holds the universal commands and cue words to spot in it, None where no model hears the language.
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
    """Wait quietly: the caller asked for a moment. NothingHeard after `max_ms`, or SpeechHeard, DigitsPressed."""

    wait: str
    prompts: tuple[Prompt, ...]
    speech: SpeechInput | None
    keys: KeyInput | None
    max_ms: int


@dataclass(frozen=True, slots=True)
class StartRecording:
    """The consent notice has been heard in full: both sides may be recorded from here on."""


@dataclass(frozen=True, slots=True)
class SaveAnswer:
    """An answer given. `attempts` counts from 1; `confirmed` when the caller said yes to having it read back.

    `span_ms` is the place of free speech in the call (start, end), None for other answers.
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
    """Call back at `at` (ISO 8601 with zone); `spoken` is how the caller said it."""

    at: str
    spoken: str


@dataclass(frozen=True, slots=True)
class OpenComplaint:
    """Open a case: `kind` names it (`bad_review`, `complaint`), `reason` says why, `details` what is behind it."""

    kind: str
    reason: str
    details: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookUpCase:
    """Look for a case: CaseFound or CaseMissing.

    By `call`: the one that this call opened last. By `number` or `phone`: `value` is the case's number in digits, or
    the telephone number of whoever opened it; only cases that any caller may be told of are found.
    """

    wait: str
    by: CaseKey
    value: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand the caller to `target` (a name in the configuration); TransferCompleted or TransferFailed.

    `line` is tried instead where there is one of that name. `said` is a place in the call (ivr.events.format_span): the
    caller's own words, which follow the whisper where they are still there.
    """

    wait: str
    target: str
    prompts: tuple[Prompt, ...]
    whisper: str = ""
    line: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Hangup:
    """Say goodbye: play what was said before to its end, give the caller `linger_ms` to hang up first, then hang up."""

    linger_ms: int


WaitAction = Notice | Ask | Record | Hold | LookUpCase | Transfer
Fact = StartRecording | SaveAnswer | BookCallback | OpenComplaint
Action = Say | WaitAction | Fact | Hangup
