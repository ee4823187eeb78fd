"""Simulated calls: typed input becomes events, time is virtual, and every turn makes a round trip through JSON.

Accepted input: `八分` (speech, confidence 1), `八分@0.6` (with that confidence), `八分@0.6|四分@0.55` (two hypotheses,
best first), `#1` or `#10` (keys), an empty line (no-input), `???` (no-match), `~我觉得很好` (free speech; `~` alone
if no model transcribes it), `<hangup>`, `<taken>` and `<untaken>` (a transfer succeeds or fails), `<found>` and
`<missing>` (result of a case lookup). Must not know: terminals, files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from ivr.actions import Action, Ask, Hangup, Hold, KeyInput, LookUpCase, Notice, OpenComplaint, Prompt, Record, Transfer
from ivr.events import (
    CallAnswered,
    CallEnded,
    CaseFound,
    CaseMissing,
    DigitsPressed,
    Event,
    Heard,
    NothingHeard,
    PromptsFinished,
    SpeechHeard,
    SpeechRecorded,
    TransferCompleted,
    TransferFailed,
    Value,
)
from ivr.flow import answers, engine, model, state
from ivr.flow.parse import FlowSet

CaseRouter = Callable[[OpenComplaint, datetime], tuple[str, str]]
"""A case and its opening time → the case's tier and roster, as in ivr.events.CaseFound."""

TURN_SECONDS = 4
EXAMPLE_CASE_NUMBER = "20261118-0007"


class SimulatedCall:
    """One simulated call. `actions` are those of the last turn, `facts` all so far; `now` advances with each turn."""

    def __init__(
        self,
        flow_set: FlowSet,
        flow: str,
        language: str,
        now: datetime,
        variables: Mapping[str, Value] | None = None,
        *,
        speech: bool = True,
        route: CaseRouter | None = None,
    ) -> None:
        """`route` determines the tier and the roster of cases that the call opens; without it both stay empty."""
        self._flow_set, self._route = flow_set, route
        self.now = now
        self.state = engine.begin(flow_set.flows, flow_set.version, flow, language, speech=speech)
        self.actions: tuple[Action, ...] = ()
        self.facts: list[Action] = []
        self._apply(CallAnswered(variables or {}))

    @property
    def prompts(self) -> list[Prompt]:
        """Prompts of the last turn, including completed notices."""
        return [prompt for action in self.actions for prompt in getattr(action, "prompts", ())]

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self.state.ended

    @property
    def expected(self) -> dict[str, tuple[str, ...]]:
        """Input accepted now: the phrases of each meaning, the keys, the special commands."""
        place, waiting = self.state.place, self._wait_action
        node = self._flow_set.flows.flows[place.flow].nodes[place.node]
        if isinstance(waiting, Transfer):
            return {"signs": ("<taken>", "<untaken>")}
        if isinstance(waiting, LookUpCase):
            return {"signs": ("<found>", "<missing>")}
        if not isinstance(waiting, Ask | Record | Hold) or not isinstance(
            node, model.AskNode | model.BookNode | model.RecordNode
        ):
            return {}
        meanings = (
            answers.meanings(node, self._flow_set.flows.universals, self.state.language) if waiting.speech else {}
        )
        return {name: tuple(sorted(phrases, key=len)) for name, phrases in meanings.items() if phrases} | {
            "keys": tuple((waiting.keys.choices or waiting.keys.keys) if waiting.keys else ())
        }

    @property
    def _wait_action(self) -> Action | None:
        return next((action for action in reversed(self.actions) if hasattr(action, "wait")), None)

    def type(self, text: str) -> None:
        """Apply typed input; after a hangup action the call ends at once.

        Raises:
            ValueError: the input is malformed or not possible now; nothing has changed.
        """
        event = self._event(text.strip())
        self.actions = ()
        self._apply(event)

    def _event(self, text: str) -> Event:
        if text == "<hangup>":
            return CallEnded("caller")
        match self._wait_action, text:
            case Transfer(wait), "<taken>":
                return TransferCompleted(wait)
            case Transfer(wait), "<untaken>":
                return TransferFailed(wait, "no_answer")
            case LookUpCase(wait), "<found>":
                return CaseFound(wait, EXAMPLE_CASE_NUMBER, "repair", True, f"{self.now:%Y-%m-%d}")
            case LookUpCase(wait), "<missing>":
                return CaseMissing(wait)
            case LookUpCase(), _:
                raise ValueError("a case lookup is in progress: type <found>, <missing> or <hangup>")
            case Transfer(), _:
                raise ValueError("a transfer is in progress: type <taken>, <untaken> or <hangup>")
            case _, "<taken>" | "<untaken>" | "<found>" | "<missing>":
                raise ValueError("no transfer and no case lookup is in progress")
            case (Ask() | Record() | Hold()) as question, _:
                return self._answer(question, text)
        raise ValueError("the call is over")

    def _answer(self, question: Ask | Record | Hold, text: str) -> Event:
        wait = question.wait
        if text == "":
            return NothingHeard(wait)
        if text.startswith("#"):
            return DigitsPressed(wait, _accepted_keys(text[1:], question.keys))
        if text.startswith("~"):
            return self._free_speech(question, text[1:])
        if question.speech is None:
            raise ValueError(f"speech is not recognised here; keys: {_keys(question.keys)}")
        if text == "???":
            return SpeechHeard(wait, (), 500)
        return SpeechHeard(wait, tuple(_heard(one) for one in text.split("|")), 200 * len(text))

    def _free_speech(self, question: Ask | Record | Hold, text: str) -> SpeechRecorded:
        place, waiting = self.state.place, self.state.wait
        node = self._flow_set.flows.flows[place.flow].nodes[place.node]
        if not isinstance(node, model.RecordNode) or (waiting and waiting.candidate):
            raise ValueError("free speech is not accepted here")
        spot = question.speech.spot if question.speech else ()
        cues = tuple(cue for cue in spot if cue in text)
        return SpeechRecorded(question.wait, TURN_SECONDS * 1000 * self.state.turn, 200 * (len(text) + 1), text, cues)

    def _apply(self, event: Event) -> None:
        self.now += timedelta(seconds=TURN_SECONDS)
        try:
            turn = engine.step(self._flow_set.flows, self.state, event, self.now)
        except engine.EngineFault:
            turn = engine.fail(self._flow_set.flows, self.state, self.now)
        if turn.state is self.state:
            return
        turn = state.load(state.dump(turn))
        self.state = turn.state
        self.actions += turn.actions
        self.facts += [action for action in turn.actions if not hasattr(action, "prompts")]
        match turn.actions[-1:]:
            case (Notice(wait=wait),):
                self._apply(PromptsFinished(wait))
            case (LookUpCase(wait=wait, by="call"),):
                self._apply(self._opened_case(wait))
            case (Hangup(),):
                self._apply(CallEnded("us"))

    def _opened_case(self, wait: str) -> CaseFound | CaseMissing:
        """Return the case that this call opened last, under the first number of the day."""
        opened = [fact for fact in self.facts if isinstance(fact, OpenComplaint)]
        if not opened:
            return CaseMissing(wait)
        tier, roster = self._route(opened[-1], self.now) if self._route else ("", "")
        number, day = f"{self.now:%Y%m%d}-0001", f"{self.now:%Y-%m-%d}"
        return CaseFound(wait, number, opened[-1].kind, True, day, tier, roster)


def _heard(text: str) -> Heard:
    said, at, share = text.partition("@")
    try:
        confidence = float(share) if at else 1.0
    except ValueError:
        confidence = -1.0
    if not 0 <= confidence <= 1:
        raise ValueError(f"“{share}” is not a confidence from 0 to 1")
    return Heard(said.strip(), confidence)


def _accepted_keys(digits: str, keys: KeyInput | None) -> str:
    """Return the keys as turn-taking reports them: only accepted ones, without the finish key."""
    taken = digits.removesuffix(keys.finish_on_key) if keys else ""
    possible = keys and taken and set(taken) <= set(keys.keys) and len(taken) <= keys.num_digits
    if not keys or not possible or (keys.choices and taken not in keys.choices):
        raise ValueError(f"“{digits}” is not accepted here; keys: {_keys(keys)}")
    return taken


def _keys(keys: KeyInput | None) -> str:
    return ", ".join(keys.choices or keys.keys) if keys else "none"
