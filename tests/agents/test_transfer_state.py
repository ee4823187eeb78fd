"""Every path through a transfer, as a pure state machine."""

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


def after_last(events: list[TransferEvent]) -> tuple[TransferState, tuple[object, ...]]:
    """The state and the acts after the last of `events`."""
    return step(after(events[:-1]), events[-1])


def test_the_caller_hears_music_while_a_colleague_is_rung():
    talk, acts = after_last(ASKING)
    assert (talk.phase, talk.line, talk.parties) == (TransferPhase.ASKING, "supervision", ())
    assert acts == (HoldCaller("zhang"), RingColleague("supervision"))


def test_agent_and_colleague_consult_without_the_caller():
    talk, acts = after_last(CONSULTING)
    assert (talk.phase, talk.parties) == (TransferPhase.CONSULTING, ("zhang", "li"))
    assert acts == (ConferAside(("zhang", "li")),)


@pytest.mark.parametrize("who", ["zhang", "li"])
def test_either_agent_may_start_a_conference(who):
    talk, acts = after_last([*CONSULTING, AgentCommand(who, "conference")])
    assert (talk.phase, talk.parties) == (TransferPhase.CONFERENCE, (CALLER, "zhang", "li"))
    assert acts == (JoinCaller("zhang"), JoinCaller("li"))


@pytest.mark.parametrize("reason", ["declined", "no_answer", "unreachable", "busy"])
def test_an_untaken_consultation_returns_the_agent_to_the_caller_with_the_reason(reason):
    talk, acts = after_last([*ASKING, ColleagueUnavailable(reason)])
    assert talk == TransferState("zhang", why=reason) and talk.parties == (CALLER, "zhang")
    assert acts == (JoinCaller("zhang"),)


def test_the_agent_cancels_the_consultation():
    assert after_last([*ASKING, AgentCommand("zhang", "return")]) == (
        TransferState("zhang"),
        (StopRinging(), JoinCaller("zhang")),
    )
    assert after_last([*CONSULTING, AgentCommand("zhang", "return")]) == (
        TransferState("zhang"),
        (JoinCaller("zhang"), ReleaseAgent("li", "agent")),
    )
    assert after_last([*CONFERENCE, AgentCommand("zhang", "return")]) == (
        TransferState("zhang"),
        (ReleaseAgent("li", "agent"),),
    )


def test_a_colleague_who_answers_too_late_is_released():
    assert after_last([*ASKING, AgentCommand("zhang", "return"), ColleagueJoined("li")]) == (
        TransferState("zhang"),
        (ReleaseAgent("li", "agent"),),
    )


@pytest.mark.parametrize("leaving", [AgentCommand("zhang", "leave"), AgentGone("zhang")])
def test_the_colleague_takes_over_when_the_agent_leaves(leaving):
    assert after_last([*CONSULTING, leaving]) == (
        TransferState("li"),
        (JoinCaller("li"), ReleaseAgent("zhang", "agent")),
    )
    assert after_last([*CONFERENCE, leaving]) == (TransferState("li"), (ReleaseAgent("zhang", "agent"),))


@pytest.mark.parametrize("leaving", [AgentCommand("li", "leave"), AgentGone("li")])
def test_the_agent_returns_to_the_caller_when_the_colleague_leaves(leaving):
    alone = TransferState("zhang", why="hung_up")
    assert after_last([*CONSULTING, leaving]) == (alone, (JoinCaller("zhang"), ReleaseAgent("li", "colleague")))
    assert after_last([*CONFERENCE, leaving]) == (alone, (ReleaseAgent("li", "colleague"),))


def test_an_agent_lost_while_a_colleague_is_rung_returns_the_caller_to_the_flow():
    talk, acts = after_last([*ASKING, AgentGone("zhang")])
    assert (talk.phase, talk.ending) == (TransferPhase.OVER, "dropped")
    assert acts == (StopRinging(), ReleaseAgent("zhang", "agent"))


def test_an_agent_who_hangs_up_before_rejoining_the_caller_counts_as_dropped():
    assert (
        after_last([*ASKING, ColleagueUnavailable("declined"), AgentGone("zhang", never_connected=True)])[0].ending
        == "dropped"
    )


def test_a_colleague_who_hangs_up_before_joining_the_caller_counts_as_dropped():
    assert after_last([*CONSULTING, AgentGone("zhang"), AgentGone("li", never_connected=True)])[0].ending == "dropped"


def test_an_agent_who_hangs_up_on_the_caller_ends_the_transfer():
    talk, acts = after_last([AgentGone("zhang")])
    assert (talk.ending, talk.line, acts) == ("parted", "", (ReleaseAgent("zhang", "agent"),))


def test_passing_the_caller_to_a_line_releases_the_agent_at_once():
    talk, acts = after_last([AgentCommand("zhang", "onward", "assistance")])
    assert (talk.ending, talk.line) == ("onward", "assistance")
    assert acts == (HoldCaller("zhang"), ReleaseAgent("zhang", "agent"))


def test_everybody_is_released_when_the_caller_hangs_up():
    both = (ReleaseAgent("zhang", "caller"), ReleaseAgent("li", "caller"))
    assert after_last([CallerGone()])[1] == both[:1]
    assert after_last([*ASKING, CallerGone()])[1] == (StopRinging(), *both[:1])
    assert after_last([*CONSULTING, CallerGone()])[1] == both
    assert after_last([*CONFERENCE, CallerGone()])[1] == both


def test_the_agent_who_took_over_may_consult_in_turn():
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
    ("before", "command"),
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
def test_an_illegal_command_is_refused(before, command):
    with pytest.raises(IllegalMove):
        step(after(before), command)


AGENTS = ("zhang", "li", "wang")
EVENTS = st.one_of(
    st.builds(AgentCommand, st.sampled_from(AGENTS), st.sampled_from(get_args(CommandName)), st.just("supervision")),
    st.just(ColleagueJoined("")),
    st.just(ColleagueUnavailable("declined")),
    st.builds(AgentGone, st.sampled_from(AGENTS), st.booleans()),
    st.just(CallerGone()),
)


@dataclass
class Phones:
    """The connected agents, and the audio that each party hears."""

    ringing: bool = False
    connected: set[str] = field(default_factory=lambda: {"zhang"})
    hears: dict[str, str] = field(default_factory=lambda: {CALLER: "talk", "zhang": "talk"})

    def perform(self, act: TransferAct) -> None:
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
                self.connected.remove(who)
                self.hears.pop(who, None)

    def apply(self, event: TransferEvent) -> TransferEvent:
        """Update the phones and return the event: a colleague who joins is one who is not connected yet."""
        if isinstance(event, ColleagueJoined | ColleagueUnavailable):
            self.ringing = False
        if isinstance(event, ColleagueJoined):
            event = ColleagueJoined(next(who for who in AGENTS if who not in self.connected))
            self.connected.add(event.colleague)
        return event


@given(st.lists(EVENTS, max_size=30))
def test_everybody_always_hears_something_and_is_released_once(events):
    """Parties outside the conversation hear music or ringing, and every agent is released exactly once."""
    talk, phones = TransferState("zhang"), Phones()
    for event in events:
        try:
            talk, acts = step(talk, phones.apply(event))
        except IllegalMove:
            continue
        for act in acts:
            phones.perform(act)
        if talk.phase is TransferPhase.OVER:
            assert not phones.connected and not phones.ringing
            return
        together = "talk" if CALLER in talk.parties else "aside"
        assert {who for who, what in phones.hears.items() if what == together} == set(talk.parties)
        assert phones.connected == set(talk.staff) == phones.hears.keys() - {CALLER}
        assert phones.hears[CALLER] == ("talk" if CALLER in talk.parties else "music")


def test_a_star_and_a_digit_form_a_command():
    keys = KeyCommands()
    assert [keys.press(key) for key in "1*1**2*93*3"] == [
        None, None, "return", None, None, "conference", None, None, None, None, "leave",
    ]  # fmt: skip
