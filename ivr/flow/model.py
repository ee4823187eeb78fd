"""Schema of callflows.yaml: flows, nodes, answers. Must not know: files, calls, audio."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from ivr.actions import CaseKey
from ivr.events import Value
from ivr.flow.kinds import Variable
from ivr.flow.part import FlowPart, NodeName
from ivr.lifecycle import Disposition

RETURN = "return"
"""The target that ends a subflow; the call continues after the node that called it."""

PromptName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")]
LanguageTag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}-[A-Z]{2}$")]
KeyString = Annotated[str, StringConstraints(pattern=r"^[0-9*#]+$")]
Share = Annotated[float, Field(ge=0, le=1)]
Phrases = dict[LanguageTag, tuple[Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)], ...]]


class AnswerValue(FlowPart):
    """One value of a closed question, with its phrases and its key."""

    phrases: Phrases = Field(description="phrases that mean this value, per language")
    keys: KeyString = Field(description="the key for this value")
    confirm: PromptName = Field(description="the prompt that reads this value back")


class YesNo(FlowPart):
    """Yes or no. The common words for both are built in; `phrases` add this question's own (还没有, 修好了)."""

    type: Literal["yes_no"]
    yes: AnswerValue
    no: AnswerValue


class Choice(FlowPart):
    """One of several named values."""

    type: Literal["choice"]
    values: dict[NodeName, AnswerValue] = Field(min_length=2)


class Score(FlowPart):
    """A whole number in a range, by voice or keys."""

    type: Literal["score"]
    low: Annotated[int, Field(ge=0)] = 1
    high: Annotated[int, Field(le=99)] = 10
    confirm: PromptName = Field(description="reads the score back; its variable is called `value`")
    out_of_range: PromptName
    not_whole: PromptName

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, but low is {self.low} and high is {self.high}")
        return self


class OfferedAnswer(FlowPart):
    """An answer known in advance, such as the caller's own number, which the caller only has to confirm."""

    variable: NodeName = Field(description="holds the answer; without a valid value, the question is asked as usual")
    prompt: PromptName = Field(description="offers the answer; its variable is called `value`")


class Digits(FlowPart):
    """A string of digits: a work number, or a phone number, by voice or keys."""

    type: Literal["digits", "phone"]
    confirm: PromptName = Field(description="reads the digits back; its variable is called `value`")
    offer: OfferedAnswer | None = None
    num_digits: Annotated[int, Field(ge=1, le=20)] = 12
    finish_on_key: KeyString | Literal[""] = "#"


Answer = Annotated[YesNo | Choice | Score | Digits, Field(discriminator="type")]
Target = NodeName


class QuestionBase(FlowPart):
    """Fields common to all questions. Times are in ms; confidence thresholds are from 0 to 1."""

    prompt: PromptName
    input: tuple[Literal["speech", "dtmf"], ...] = Field(("speech", "dtmf"), min_length=1)
    timeout: Annotated[int, Field(ge=1000, le=60000)] = Field(
        5000, description="no-input timeout in ms, from the end of the prompt"
    )
    timing: dict[str, Annotated[int, Field(gt=0)]] = Field(
        default_factory=dict, description="overrides of individual turn-taking thresholds (ms, dB, percent)"
    )
    no_input: tuple[PromptName, ...] = Field((), description="reprompts; the n-th is played at the n-th no-input")
    no_match: tuple[PromptName, ...] = Field((), description="reprompts; the n-th is played at the n-th no-match")
    keys_prompt: PromptName | None = Field(None, description="offers the keys; played from the second miss on")
    max_misses: Annotated[int, Field(ge=1, le=9)] = 3
    otherwise: Target | None = Field(None, description="target after max_misses; default: the flow's on_give_up")


class AskNode(QuestionBase):
    """A question: plays its prompt, takes an answer by voice or keys and stores it under the node's name."""

    type: Literal["ask"]
    answer: Answer
    barge_in: bool = True
    reject_below: Share = Field(0.45, description="confidence below which the question is asked again")
    confirm_below: Share = Field(0.8, description="confidence below which the answer is read back to be confirmed")
    next: Target | dict[str, Target] = Field(description="a node, or value → node, with `default` for all other values")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.reject_below > self.confirm_below:
            raise ValueError("reject_below must not be above confirm_below")
        return self


class BookNode(QuestionBase):
    """Schedules a callback: asks for a time, reads it back and books it. Times of day are in the callers' time zone."""

    type: Literal["book"]
    confirm: PromptName = Field(description="reads the time back; its variable is called `when`")
    out_of_range: PromptName = Field(description="played if the time is in the past or more than a month ahead")
    outside_hours: PromptName = Field(description="played if the time is outside calling hours")
    earliest: time = Field(time(8), description="start of calling hours")
    latest: time = Field(time(20), description="end of calling hours")
    choices: dict[KeyString, dict[LanguageTag, str]] = Field(
        description="key → a time as a caller would say it, per language"
    )
    next: Target


class ReadBack(FlowPart):
    """Read-back of free speech: the caller's own words are played to be confirmed or repeated."""

    prompt: PromptName = Field(description="plays the caller's words, its variable `{said:recording}`")
    unplayed: PromptName = Field(description="asks without playing them, if their audio is no longer available")


class RecordNode(QuestionBase):
    """A question for free speech, which is recorded in full. Ends with silence, a key or after max_ms."""

    type: Literal["record"]
    finish_on_key: KeyString = "#"
    skip_on_key: KeyString = Field(description="the key for nothing to say")
    cues: Phrases = Field(default_factory=dict, description="short answers to recognise, such as 没有了")
    spot: Phrases = Field(
        default_factory=dict,
        description="keywords to spot anywhere in the speech, such as 媒体; collected in the variable `cues`",
    )
    read_back: ReadBack | None = None
    max_ms: Annotated[int, Field(ge=2000, le=300_000)] = 60_000
    next: Target


class SayNode(FlowPart):
    """Plays a prompt and continues."""

    type: Literal["say"]
    prompt: PromptName
    next: Target


class NoticeNode(FlowPart):
    """Plays a prompt in full before the call continues; `consent` then starts the recording it announces."""

    type: Literal["notice"]
    prompt: PromptName
    consent: Literal["recording"] | None = None
    next: Target


class BranchCase(FlowPart):
    """One case of a branch."""

    when: str = Field(description="a condition over variables and answers, such as `score <= 4`")
    next: Target


class BranchNode(FlowPart):
    """Continues at the first case whose condition is true, else at `otherwise`."""

    type: Literal["branch"]
    cases: tuple[BranchCase, ...] = Field(min_length=1)
    otherwise: Target


class SetNode(FlowPart):
    """Sets variables."""

    type: Literal["set"]
    values: dict[NodeName, Value]
    next: Target


class ComplaintNode(FlowPart):
    """Opens a case; `details` names the variables and answers to store in it."""

    type: Literal["complaint"]
    kind: NodeName
    reason: str
    details: tuple[NodeName, ...] = ()
    next: Target


class LookupNode(FlowPart):
    """Looks up a case; sets the variables `case_number`, `case_kind`, `case_open`, `case_opened_on`, `case_tier` and
    `case_roster`.
    """

    type: Literal["lookup"]
    by: CaseKey = Field(description="`call`: the case that this call opened last; `number`, `phone`: given by `value`")
    value: NodeName | None = Field(None, description="the variable or question that holds the number")
    found: Target
    missing: Target

    @model_validator(mode="after")
    def _given(self) -> Self:
        if (self.value is None) != (self.by == "call"):
            raise ValueError("`by: number` and `by: phone` need a value; `by: call` takes none")
        return self


class TransferNode(FlowPart):
    """Transfers the caller to a person; continues at `failed` if nobody answers, or `after` the person hangs up."""

    type: Literal["transfer"]
    target: NodeName
    line: NodeName | None = Field(
        None, description="the variable that names a line of the rosters to try instead of `target`"
    )
    prompt: PromptName
    whisper: tuple[str, ...] = Field(
        (), description="whispered to the person who takes the call; a phrase with an unset variable is omitted"
    )
    play: NodeName | None = Field(
        None, description="the record node whose recording is played to the person who takes the call"
    )
    failed: Target
    after: Target | None = Field(None, description="target if the caller stays on the line; default: hang up")

    @field_validator("whisper", mode="before")
    @classmethod
    def _phrases(cls, whisper: object) -> object:
        return (whisper,) if isinstance(whisper, str) else whisper


class SubflowNode(FlowPart):
    """Runs another flow and continues after it; its answers are kept."""

    type: Literal["subflow"]
    flow: NodeName
    next: Target


class HangupNode(FlowPart):
    """Plays a goodbye and ends the call. `disposition`, if given, overrides the disposition computed from the answers.

    A call in which every essential question was answered is always completed.
    """

    type: Literal["hangup"]
    prompt: PromptName | None = None
    disposition: Disposition | None = None
    linger: Annotated[int, Field(ge=0, le=10_000)] = Field(2000, description="ms for the caller to hang up first (R12)")


FlowNode = Annotated[
    AskNode
    | BookNode
    | RecordNode
    | SayNode
    | NoticeNode
    | BranchNode
    | SetNode
    | ComplaintNode
    | LookupNode
    | TransferNode
    | SubflowNode
    | HangupNode,
    Field(discriminator="type"),
]
QuestionNode = AskNode | BookNode | RecordNode


class Universal(FlowPart):
    """A command understood in every question."""

    phrases: Phrases
    keys: KeyString | None = None


class Universals(FlowPart):
    """The commands understood in every question: repeat, wait, transfer to a person, refuse."""

    repeat: Universal
    wait: Universal
    agent: Universal
    refuse: Universal

    def named(self) -> Mapping[str, Universal]:
        """Return the commands by name."""
        return {"repeat": self.repeat, "wait": self.wait, "agent": self.agent, "refuse": self.refuse}


class CommonPrompts(FlowPart):
    """Prompts that the engine plays in any flow."""

    wait: PromptName = Field(description="played when the caller asks for a moment")
    still_there: PromptName = Field(description="played when that moment is over")
    confirm_keys: PromptName = Field(description="explains the keys of a read-back: 1 right, 2 wrong")
    technical: PromptName = Field(description="apologises for an internal fault")
    keys_only: PromptName = Field(description="played at the first question if no model recognises the call's language")
    resumed: PromptName | None = Field(
        None, description="played when another node goes on with the call, before the open question"
    )


class Flow(FlowPart):
    """One conversation. The `essential` questions determine the disposition: completed, partial or breakoff."""

    title: dict[LanguageTag, str] = Field(min_length=1)
    start: Target
    on_agent: Target | None = None
    on_refuse: Target | None = None
    on_give_up: Target | None = None
    lastly: Target | None = Field(
        None, description="a chain of branch, set and complaint nodes, run at the end of every call; ends in `return`"
    )
    essential: tuple[NodeName, ...] = ()
    variables: dict[NodeName, Variable] = Field(default_factory=dict)
    nodes: dict[NodeName, FlowNode] = Field(min_length=1)


class Callflows(FlowPart):
    """The whole file."""

    version: Literal[1]
    languages: tuple[LanguageTag, ...] = Field(min_length=1, description="the first is the default")
    variables: dict[NodeName, Variable] = Field(
        default_factory=dict, description="variables of every flow; a call may bring values of its own"
    )
    universals: Universals
    common: CommonPrompts
    flows: dict[NodeName, Flow] = Field(min_length=1)
