"""Who talks with whom: every way through a talk, as a pure state machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agents.key_commands import KeyCommands
from ivr.agents.transfer_state import (
    CALLER,
    AgentCommand,
    AgentGone,
    CallerGone,
    ColleagueJoined,
    ColleagueUnavailable,
    CommandName,
    ConferAside,
    HoldCaller,
    JoinCaller,
    ReleaseAgent,
    RingColleague,
    StopRinging,
    TransferAct,
    TransferEvent,
    TransferPhase,
    TransferState,
    step,
)
from ivr.errors import IllegalMove

CONSULT = AgentCommand("zhang", "consult", "supervision")
ASKING = [CONSULT]
CONSULTING = [*ASKING, ColleagueJoined("li")]
CONFERENCE = [*CONSULTING, AgentCommand("zhang", "conference")]


def after(events: list[TransferEvent], talk: TransferState | None = None) -> TransferState:
    talk = talk or TransferState("zhang")
    for event in events:
        talk, _ = step(talk, event)
    return talk


def last(events: list[TransferEvent]) -> tuple[TransferState, tuple[object, ...]]:
    """What comes of the last of these events."""
    return step(after(events[:-1]), events[-1])


def test_an_agent_asks_for_a_colleague_while_the_caller_hears_music():
    talk, acts = last(ASKING)
    assert (talk.phase, talk.line, talk.parties) == (TransferPhase.ASKING, "supervision", ())
    assert acts == (HoldCaller("zhang"), RingColleague("supervision"))


def test_agent_and_colleague_talk_without_the_caller():
    talk, acts = last(CONSULTING)
    assert (talk.phase, talk.parties) == (TransferPhase.CONSULTING, ("zhang", "li"))
    assert acts == (ConferAside(("zhang", "li")),)


@pytest.mark.parametrize("who", ["zhang", "li"])
def test_either_makes_it_a_conference(who):
    talk, acts = last([*CONSULTING, AgentCommand(who, "conference")])
    assert (talk.phase, talk.parties) == (TransferPhase.CONFERENCE, (CALLER, "zhang", "li"))
    assert acts == (JoinCaller("zhang"), JoinCaller("li"))


@pytest.mark.parametrize("reason", ["declined", "no_answer", "unreachable", "busy"])
def test_when_nobody_takes_it_the_agent_is_back_with_the_caller_and_knows_why(reason):
    talk, acts = last([*ASKING, ColleagueUnavailable(reason)])
    assert talk == TransferState("zhang", why=reason) and talk.parties == (CALLER, "zhang")
    assert acts == (JoinCaller("zhang"),)


def test_the_agent_no_longer_wants_the_colleague():
    assert last([*ASKING, AgentCommand("zhang", "return")]) == (
        TransferState("zhang"),
        (StopRinging(), JoinCaller("zhang")),
    )
    assert last([*CONSULTING, AgentCommand("zhang", "return")]) == (
        TransferState("zhang"),
        (JoinCaller("zhang"), ReleaseAgent("li", "agent")),
    )
    assert last([*CONFERENCE, AgentCommand("zhang", "return")]) == (
        TransferState("zhang"),
        (ReleaseAgent("li", "agent"),),
    )


def test_a_colleague_who_answers_too_late_is_let_go():
    assert last([*ASKING, AgentCommand("zhang", "return"), ColleagueJoined("li")]) == (
        TransferState("zhang"),
        (ReleaseAgent("li", "agent"),),
    )


@pytest.mark.parametrize("leaving", [AgentCommand("zhang", "leave"), AgentGone("zhang")])
def test_when_the_agent_leaves_the_colleague_has_the_caller(leaving):
    assert last([*CONSULTING, leaving]) == (TransferState("li"), (JoinCaller("li"), ReleaseAgent("zhang", "agent")))
    assert last([*CONFERENCE, leaving]) == (TransferState("li"), (ReleaseAgent("zhang", "agent"),))


@pytest.mark.parametrize("leaving", [AgentCommand("li", "leave"), AgentGone("li")])
def test_when_the_colleague_leaves_the_agent_is_back_with_the_caller(leaving):
    alone = TransferState("zhang", why="hung_up")
    assert last([*CONSULTING, leaving]) == (alone, (JoinCaller("zhang"), ReleaseAgent("li", "colleague")))
    assert last([*CONFERENCE, leaving]) == (alone, (ReleaseAgent("li", "colleague"),))


def test_an_agent_who_drops_out_while_somebody_is_rung_leaves_the_caller_to_the_flow():
    talk, acts = last([*ASKING, AgentGone("zhang")])
    assert (talk.phase, talk.ending) == (TransferPhase.OVER, "dropped")
    assert acts == (StopRinging(), ReleaseAgent("zhang", "agent"))


def test_an_agent_who_hung_up_before_they_were_back_with_the_caller_has_dropped_out():
    assert (
        last([*ASKING, ColleagueUnavailable("declined"), AgentGone("zhang", never_connected=True)])[0].ending
        == "dropped"
    )


def test_a_colleague_who_hung_up_before_they_met_the_caller_has_dropped_out():
    assert last([*CONSULTING, AgentGone("zhang"), AgentGone("li", never_connected=True)])[0].ending == "dropped"


def test_an_agent_who_hangs_up_on_the_caller_has_parted():
    talk, acts = last([AgentGone("zhang")])
    assert (talk.ending, talk.line, acts) == ("parted", "", (ReleaseAgent("zhang", "agent"),))


def test_the_caller_is_passed_on_to_a_line_and_the_agent_is_free_at_once():
    talk, acts = last([AgentCommand("zhang", "onward", "assistance")])
    assert (talk.ending, talk.line) == ("onward", "assistance")
    assert acts == (HoldCaller("zhang"), ReleaseAgent("zhang", "agent"))


def test_when_the_caller_hangs_up_everybody_is_let_go():
    both = (ReleaseAgent("zhang", "caller"), ReleaseAgent("li", "caller"))
    assert last([CallerGone()])[1] == both[:1]
    assert last([*ASKING, CallerGone()])[1] == (StopRinging(), *both[:1])
    assert last([*CONSULTING, CallerGone()])[1] == both
    assert last([*CONFERENCE, CallerGone()])[1] == both


def test_whoever_has_the_caller_now_may_consult_in_turn():
    again = after(
        [
            *CONFERENCE,
            AgentCommand("zhang", "leave"),
            AgentCommand("li", "consult", "management"),
            ColleagueJoined("wang"),
        ]
    )
    assert again.parties == ("li", "wang")


@pytest.mark.parametrize(
    ("before", "wish"),
    [
        ([], AgentCommand("zhang", "return")),
        ([], AgentCommand("zhang", "conference")),
        ([], AgentCommand("zhang", "leave")),
        ([], AgentCommand("wang", "consult", "supervision")),
        (ASKING, CONSULT),
        (ASKING, AgentCommand("zhang", "conference")),
        (ASKING, AgentCommand("zhang", "onward", "assistance")),
        (CONSULTING, CONSULT),
        (CONSULTING, AgentCommand("li", "return")),
        (CONSULTING, AgentCommand("zhang", "onward", "assistance")),
        (CONFERENCE, AgentCommand("zhang", "conference")),
        ([AgentGone("zhang")], CONSULT),
    ],
)
def test_what_the_talk_does_not_allow_is_refused(before, wish):
    with pytest.raises(IllegalMove):
        step(after(before), wish)


PEOPLE = ("zhang", "li", "wang")
EVENTS = st.one_of(
    st.builds(AgentCommand, st.sampled_from(PEOPLE), st.sampled_from(get_args(CommandName)), st.just("supervision")),
    st.just(ColleagueJoined("")),
    st.just(ColleagueUnavailable("declined")),
    st.builds(AgentGone, st.sampled_from(PEOPLE), st.booleans()),
    st.just(CallerGone()),
)


@dataclass
class Phones:
    """What everybody hears."""

    ringing: bool = False
    seated: set[str] = field(default_factory=lambda: {"zhang"})
    hears: dict[str, str] = field(default_factory=lambda: {CALLER: "talk", "zhang": "talk"})

    def do(self, act: TransferAct) -> None:
        match act:
            case HoldCaller(who):
                self.hears |= {CALLER: "music", who: "ringing"}
            case RingColleague():
                self.ringing = True
            case StopRinging():
                self.ringing = False
            case ConferAside(people):
                self.hears |= dict.fromkeys(people, "aside")
            case JoinCaller(who):
                self.hears |= {CALLER: "talk", who: "talk"}
            case ReleaseAgent(who):
                self.seated.remove(who)
                self.hears.pop(who, None)

    def happens(self, event: TransferEvent) -> TransferEvent:
        """The event with what goes before it: somebody fresh has answered, or nobody has."""
        if isinstance(event, ColleagueJoined | ColleagueUnavailable):
            self.ringing = False
        if isinstance(event, ColleagueJoined):
            event = ColleagueJoined(next(who for who in PEOPLE if who not in self.seated))
            self.seated.add(event.colleague)
        return event


@given(st.lists(EVENTS, max_size=30))
def test_nobody_is_ever_left_in_silence_or_forgotten(events):
    """Whatever happens: who does not talk hears music or ringing, and whoever was there is let go once."""
    talk, phones = TransferState("zhang"), Phones()
    for event in events:
        try:
            talk, acts = step(talk, phones.happens(event))
        except IllegalMove:
            continue
        for act in acts:
            phones.do(act)
        if talk.phase is TransferPhase.OVER:
            assert not phones.seated and not phones.ringing
            return
        together = "talk" if CALLER in talk.parties else "aside"
        assert {who for who, what in phones.hears.items() if what == together} == set(talk.parties)
        assert phones.seated == set(talk.staff) == phones.hears.keys() - {CALLER}
        assert phones.hears[CALLER] == ("talk" if CALLER in talk.parties else "music")


def test_a_star_and_a_digit_say_what_is_wanted():
    keys = KeyCommands()
    assert [keys.press(key) for key in "1*1**2*93*3"] == [
        None, None, "return", None, None, "conference", None, None, None, None, "leave",
    ]  # fmt: skip
