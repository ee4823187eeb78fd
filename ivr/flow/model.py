"""The shape of callflows.yaml: flows, nodes, answers. Must not know: files, calls, audio."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from ivr.actions import CaseKey
from ivr.events import Value
from ivr.lifecycle import Disposition

RETURN = "return"
"""The target that ends a subflow and goes on after the node that called it."""

NodeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
PromptName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")]
LanguageTag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}-[A-Z]{2}$")]
KeyString = Annotated[str, StringConstraints(pattern=r"^[0-9*#]+$")]
Share = Annotated[float, Field(ge=0, le=1)]
Phrases = dict[LanguageTag, tuple[Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)], ...]]


class FlowPart(BaseModel):
    """Base of everything in the file: read-only, and a key that is not known is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerValue(FlowPart):
    """One value of a closed question: what may be said for it and which key stands for it."""

    phrases: Phrases = Field(description="What callers say for this value, per language.")
    keys: KeyString = Field(description="The key that stands for this value.")
    confirm: PromptName = Field(description="The prompt that reads this value back.")


class YesNo(FlowPart):
    """Yes or no. The common words for both are known; `phrases` are this question's own (还没有, 修好了)."""

    type: Literal["yes_no"]
    yes: AnswerValue
    no: AnswerValue


class Choice(FlowPart):
    """One of several named values."""

    type: Literal["choice"]
    values: dict[NodeName, AnswerValue] = Field(min_length=2)


class Score(FlowPart):
    """A whole number in a range, by number words or keys."""

    type: Literal["score"]
    low: Annotated[int, Field(ge=0)] = 1
    high: Annotated[int, Field(le=99)] = 10
    confirm: PromptName = Field(description="Reads the score back; its variable is called `value`.")
    out_of_range: PromptName
    not_whole: PromptName

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, but {self.low} is not below {self.high}")
        return self


class OfferedAnswer(FlowPart):
    """An answer that may be known already, such as the number that the caller calls from; it needs only a yes."""

    variable: NodeName = Field(
        description="holds the answer; without a value that fits, the question is asked as usual"
    )
    prompt: PromptName = Field(description="offers the answer; its variable is called `value`")


class Digits(FlowPart):
    """A string of digits: a work number, or a phone number, by voice or keys."""

    type: Literal["digits", "phone"]
    confirm: PromptName = Field(description="Reads the digits back; its variable is called `value`.")
    offer: OfferedAnswer | None = None
    num_digits: Annotated[int, Field(ge=1, le=20)] = 12
    finish_on_key: KeyString | Literal[""] = "#"


Answer = Annotated[YesNo | Choice | Score | Digits, Field(discriminator="type")]
Target = NodeName


class QuestionBase(FlowPart):
    """What all questions share. Times in ms; the thresholds of confidence are shares from 0 to 1."""

    prompt: PromptName
    input: tuple[Literal["speech", "dtmf"], ...] = Field(("speech", "dtmf"), min_length=1)
    timeout: Annotated[int, Field(ge=1000, le=60000)] = Field(5000, description="ms to begin an answer")
    timing: dict[str, Annotated[int, Field(gt=0)]] = Field(
        default_factory=dict, description="overrides of single thresholds of turn-taking (ms, dB, percent)"
    )
    no_input: tuple[PromptName, ...] = Field((), description="the n-th is said at the n-th silence")
    no_match: tuple[PromptName, ...] = Field((), description="the n-th is said at the n-th answer not understood")
    keys_prompt: PromptName | None = Field(None, description="offers the keys; said from the second miss on")
    max_misses: Annotated[int, Field(ge=1, le=9)] = 3
    otherwise: Target | None = Field(
        None, description="where to go after max_misses; the flow's on_give_up when absent"
    )


class AskNode(QuestionBase):
    """A question: says its prompt, takes an answer by voice or key, keeps it under the node's name."""

    type: Literal["ask"]
    answer: Answer
    barge_in: bool = True
    reject_below: Share = Field(0.45, description="less sure than this: ask again")
    confirm_below: Share = Field(0.8, description="less sure than this: read back and ask whether it is right")
    next: Target | dict[str, Target] = Field(description="a node, or value → node with `default` for all others")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.reject_below > self.confirm_below:
            raise ValueError("reject_below must not be above confirm_below")
        return self


class BookNode(QuestionBase):
    """Agrees on another time for the call, reads it back, books it. The times of day are the callers' own."""

    type: Literal["book"]
    confirm: PromptName = Field(description="Reads the time back; its variable is called `when`.")
    out_of_range: PromptName = Field(description="said when the time is past or more than a month ahead")
    outside_hours: PromptName = Field(description="said when nobody is called at that time of day")
    earliest: time = Field(time(8), description="nobody is called before this time of day")
    latest: time = Field(time(20), description="nobody is called after this time of day")
    choices: dict[KeyString, dict[LanguageTag, str]] = Field(
        description="key → a time as one would say it, per language"
    )
    next: Target


class ReadBack(FlowPart):
    """Free speech read back: the caller's own words are played and confirmed, or said again."""

    prompt: PromptName = Field(description="plays the words, which are its variable `{said:recording}`")
    unplayed: PromptName = Field(description="asks without playing them, where they are gone")


class RecordNode(QuestionBase):
    """Free speech: recorded whole. Ends by silence, by a key or at max_ms."""

    type: Literal["record"]
    finish_on_key: KeyString = "#"
    skip_on_key: KeyString = Field(description="the key for: nothing to say")
    cues: Phrases = Field(default_factory=dict, description="short answers worth recognising, such as 没有了")
    spot: Phrases = Field(
        default_factory=dict,
        description="words worth noticing wherever they are said, such as 媒体; collected in the variable `cues`",
    )
    read_back: ReadBack | None = None
    max_ms: Annotated[int, Field(ge=2000, le=300_000)] = 60_000
    next: Target


class SayNode(FlowPart):
    """Says a prompt and goes on."""

    type: Literal["say"]
    prompt: PromptName
    next: Target


class NoticeNode(FlowPart):
    """Says a prompt that must be heard in full before the call goes on; `consent` starts what it asked leave for."""

    type: Literal["notice"]
    prompt: PromptName
    consent: Literal["recording"] | None = None
    next: Target


class BranchCase(FlowPart):
    """One way out of a branch."""

    when: str = Field(description="a condition over variables and answers, such as `score <= 4`")
    next: Target


class BranchNode(FlowPart):
    """Goes to the first case whose condition holds, else to `otherwise`."""

    type: Literal["branch"]
    cases: tuple[BranchCase, ...] = Field(min_length=1)
    otherwise: Target


class SetNode(FlowPart):
    """Remembers values."""

    type: Literal["set"]
    values: dict[NodeName, Value]
    next: Target


class ComplaintNode(FlowPart):
    """Opens a case; `details` names the variables and answers that go into it."""

    type: Literal["complaint"]
    kind: NodeName
    reason: str
    details: tuple[NodeName, ...] = ()
    next: Target


class LookupNode(FlowPart):
    """Looks for a case; what is found is kept as `case_number`, `case_kind`, `case_open`, `case_opened_on`, `case_tier`
    and `case_roster`.
    """

    type: Literal["lookup"]
    by: CaseKey = Field(description="`call`: the case that this call opened last; `number`, `phone`: given by `value`")
    value: NodeName | None = Field(None, description="the variable or question that holds the number")
    found: Target
    missing: Target

    @model_validator(mode="after")
    def _given(self) -> Self:
        if (self.value is None) != (self.by == "call"):
            raise ValueError("by number and by phone need a value; by call has none")
        return self


class TransferNode(FlowPart):
    """Hands the caller to a person; goes on when nobody takes the call, and `after` it when the person hangs up."""

    type: Literal["transfer"]
    target: NodeName
    line: NodeName | None = Field(
        None, description="the variable that names a line of the rosters to ask before `target`"
    )
    prompt: PromptName
    whisper: tuple[str, ...] = Field(
        (), description="said to whoever takes the call; a phrase that speaks of something unknown is left out"
    )
    play: NodeName | None = Field(
        None, description="the free speech that whoever takes the call hears in the caller's own words"
    )
    failed: Target
    after: Target | None = Field(None, description="for who stays on the line; when absent the call is over")

    @field_validator("whisper", mode="before")
    @classmethod
    def _phrases(cls, whisper: object) -> object:
        return (whisper,) if isinstance(whisper, str) else whisper


class SubflowNode(FlowPart):
    """Runs another flow and goes on after it; its answers are kept."""

    type: Literal["subflow"]
    flow: NodeName
    next: Target


class HangupNode(FlowPart):
    """Says goodbye and ends the call. The answers given decide what became of it, or `disposition` where it stands.

    A call in which every essential question was answered is completed, whatever stands here.
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
    """The commands understood in every question: say it again, wait, a person please, no thank you."""

    repeat: Universal
    wait: Universal
    agent: Universal
    refuse: Universal

    def named(self) -> Mapping[str, Universal]:
        """The commands by name."""
        return {"repeat": self.repeat, "wait": self.wait, "agent": self.agent, "refuse": self.refuse}


class CommonPrompts(FlowPart):
    """Prompts that the engine itself needs."""

    wait: PromptName = Field(description="the caller asked for a moment")
    still_there: PromptName = Field(description="the moment is over")
    confirm_keys: PromptName = Field(description="the keys when an answer is read back: 1 right, 2 wrong")
    technical: PromptName = Field(description="apologises for a fault of ours")
    keys_only: PromptName = Field(description="said at the first question where no model hears the call's language")


class Flow(FlowPart):
    """One conversation. `essential` questions decide between completed, partial and broken off."""

    title: dict[LanguageTag, str] = Field(min_length=1)
    start: Target
    on_agent: Target | None = None
    on_refuse: Target | None = None
    on_give_up: Target | None = None
    lastly: Target | None = Field(
        None, description="a chain of branch, set and complaint nodes, run however the call ends; ends in `return`"
    )
    essential: tuple[NodeName, ...] = ()
    variables: dict[NodeName, Value] = Field(default_factory=dict)
    nodes: dict[NodeName, FlowNode] = Field(min_length=1)


class Callflows(FlowPart):
    """The whole file."""

    version: Literal[1]
    languages: tuple[LanguageTag, ...] = Field(min_length=1, description="the first is the default")
    variables: dict[NodeName, Value] = Field(
        default_factory=dict, description="known to every flow; a call may override"
    )
    universals: Universals
    common: CommonPrompts
    flows: dict[NodeName, Flow] = Field(min_length=1)
