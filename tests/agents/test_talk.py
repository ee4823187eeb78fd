"""Who talks with whom: every way through a talk, as a pure state machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agents.keys import Keys
from ivr.agents.talk import (
    CALLER,
    Act,
    CallerGone,
    Confer,
    Event,
    Gone,
    Hold,
    Join,
    NotTaken,
    Phase,
    Release,
    Ring,
    StopRinging,
    Taken,
    Talk,
    What,
    Wish,
    step,
)
from ivr.errors import IllegalMove

CONSULT = Wish("zhang", "consult", "supervision")
ASKING = [CONSULT]
CONSULTING = [*ASKING, Taken("li")]
CONFERENCE = [*CONSULTING, Wish("zhang", "conference")]


def after(events: list[Event], talk: Talk | None = None) -> Talk:
    talk = talk or Talk("zhang")
    for event in events:
        talk, _ = step(talk, event)
    return talk


def last(events: list[Event]) -> tuple[Talk, tuple[object, ...]]:
    """What comes of the last of these events."""
    return step(after(events[:-1]), events[-1])


def test_an_agent_asks_for_a_colleague_while_the_caller_hears_music():
    talk, acts = last(ASKING)
    assert (talk.phase, talk.line, talk.parties) == (Phase.ASKING, "supervision", ())
    assert acts == (Hold("zhang"), Ring("supervision"))


def test_agent_and_colleague_talk_without_the_caller():
    talk, acts = last(CONSULTING)
    assert (talk.phase, talk.parties) == (Phase.CONSULTING, ("zhang", "li"))
    assert acts == (Confer(("zhang", "li")),)


@pytest.mark.parametrize("who", ["zhang", "li"])
def test_either_makes_it_a_conference(who):
    talk, acts = last([*CONSULTING, Wish(who, "conference")])
    assert (talk.phase, talk.parties) == (Phase.CONFERENCE, (CALLER, "zhang", "li"))
    assert acts == (Join("zhang"), Join("li"))


@pytest.mark.parametrize("reason", ["declined", "no_answer", "unreachable", "busy"])
def test_when_nobody_takes_it_the_agent_is_back_with_the_caller_and_knows_why(reason):
    talk, acts = last([*ASKING, NotTaken(reason)])
    assert talk == Talk("zhang", why=reason) and talk.parties == (CALLER, "zhang")
    assert acts == (Join("zhang"),)


def test_the_agent_no_longer_wants_the_colleague():
    assert last([*ASKING, Wish("zhang", "return")]) == (Talk("zhang"), (StopRinging(), Join("zhang")))
    assert last([*CONSULTING, Wish("zhang", "return")]) == (Talk("zhang"), (Join("zhang"), Release("li", "agent")))
    assert last([*CONFERENCE, Wish("zhang", "return")]) == (Talk("zhang"), (Release("li", "agent"),))


def test_a_colleague_who_answers_too_late_is_let_go():
    assert last([*ASKING, Wish("zhang", "return"), Taken("li")]) == (Talk("zhang"), (Release("li", "agent"),))


@pytest.mark.parametrize("leaving", [Wish("zhang", "leave"), Gone("zhang")])
def test_when_the_agent_leaves_the_colleague_has_the_caller(leaving):
    assert last([*CONSULTING, leaving]) == (Talk("li"), (Join("li"), Release("zhang", "agent")))
    assert last([*CONFERENCE, leaving]) == (Talk("li"), (Release("zhang", "agent"),))


@pytest.mark.parametrize("leaving", [Wish("li", "leave"), Gone("li")])
def test_when_the_colleague_leaves_the_agent_is_back_with_the_caller(leaving):
    alone = Talk("zhang", why="hung_up")
    assert last([*CONSULTING, leaving]) == (alone, (Join("zhang"), Release("li", "colleague")))
    assert last([*CONFERENCE, leaving]) == (alone, (Release("li", "colleague"),))


def test_an_agent_who_drops_out_while_somebody_is_rung_leaves_the_caller_to_the_flow():
    talk, acts = last([*ASKING, Gone("zhang")])
    assert (talk.phase, talk.ending) == (Phase.OVER, "dropped")
    assert acts == (StopRinging(), Release("zhang", "agent"))


def test_an_agent_who_hung_up_before_they_were_back_with_the_caller_has_dropped_out():
    assert last([*ASKING, NotTaken("declined"), Gone("zhang", unmet=True)])[0].ending == "dropped"


def test_a_colleague_who_hung_up_before_they_met_the_caller_has_dropped_out():
    assert last([*CONSULTING, Gone("zhang"), Gone("li", unmet=True)])[0].ending == "dropped"


def test_an_agent_who_hangs_up_on_the_caller_has_parted():
    talk, acts = last([Gone("zhang")])
    assert (talk.ending, talk.line, acts) == ("parted", "", (Release("zhang", "agent"),))


def test_the_caller_is_passed_on_to_a_line_and_the_agent_is_free_at_once():
    talk, acts = last([Wish("zhang", "onward", "assistance")])
    assert (talk.ending, talk.line) == ("onward", "assistance")
    assert acts == (Hold("zhang"), Release("zhang", "agent"))


def test_when_the_caller_hangs_up_everybody_is_let_go():
    both = (Release("zhang", "caller"), Release("li", "caller"))
    assert last([CallerGone()])[1] == both[:1]
    assert last([*ASKING, CallerGone()])[1] == (StopRinging(), *both[:1])
    assert last([*CONSULTING, CallerGone()])[1] == both
    assert last([*CONFERENCE, CallerGone()])[1] == both


def test_whoever_has_the_caller_now_may_consult_in_turn():
    again = after([*CONFERENCE, Wish("zhang", "leave"), Wish("li", "consult", "management"), Taken("wang")])
    assert again.parties == ("li", "wang")


@pytest.mark.parametrize(
    ("before", "wish"),
    [
        ([], Wish("zhang", "return")),
        ([], Wish("zhang", "conference")),
        ([], Wish("zhang", "leave")),
        ([], Wish("wang", "consult", "supervision")),
        (ASKING, CONSULT),
        (ASKING, Wish("zhang", "conference")),
        (ASKING, Wish("zhang", "onward", "assistance")),
        (CONSULTING, CONSULT),
        (CONSULTING, Wish("li", "return")),
        (CONSULTING, Wish("zhang", "onward", "assistance")),
        (CONFERENCE, Wish("zhang", "conference")),
        ([Gone("zhang")], CONSULT),
    ],
)
def test_what_the_talk_does_not_allow_is_refused(before, wish):
    with pytest.raises(IllegalMove):
        step(after(before), wish)


PEOPLE = ("zhang", "li", "wang")
EVENTS = st.one_of(
    st.builds(Wish, st.sampled_from(PEOPLE), st.sampled_from(get_args(What)), st.just("supervision")),
    st.just(Taken("")),
    st.just(NotTaken("declined")),
    st.builds(Gone, st.sampled_from(PEOPLE), st.booleans()),
    st.just(CallerGone()),
)


@dataclass
class Phones:
    """What everybody hears."""

    ringing: bool = False
    seated: set[str] = field(default_factory=lambda: {"zhang"})
    hears: dict[str, str] = field(default_factory=lambda: {CALLER: "talk", "zhang": "talk"})

    def do(self, act: Act) -> None:
        match act:
            case Hold(who):
                self.hears |= {CALLER: "music", who: "ringing"}
            case Ring():
                self.ringing = True
            case StopRinging():
                self.ringing = False
            case Confer(people):
                self.hears |= dict.fromkeys(people, "aside")
            case Join(who):
                self.hears |= {CALLER: "talk", who: "talk"}
            case Release(who):
                self.seated.remove(who)
                self.hears.pop(who, None)

    def happens(self, event: Event) -> Event:
        """The event with what goes before it: somebody fresh has answered, or nobody has."""
        if isinstance(event, Taken | NotTaken):
            self.ringing = False
        if isinstance(event, Taken):
            event = Taken(next(who for who in PEOPLE if who not in self.seated))
            self.seated.add(event.colleague)
        return event


@given(st.lists(EVENTS, max_size=30))
def test_nobody_is_ever_left_in_silence_or_forgotten(events):
    """Whatever happens: who does not talk hears music or ringing, and whoever was there is let go once."""
    talk, phones = Talk("zhang"), Phones()
    for event in events:
        try:
            talk, acts = step(talk, phones.happens(event))
        except IllegalMove:
            continue
        for act in acts:
            phones.do(act)
        if talk.phase is Phase.OVER:
            assert not phones.seated and not phones.ringing
            return
        together = "talk" if CALLER in talk.parties else "aside"
        assert {who for who, what in phones.hears.items() if what == together} == set(talk.parties)
        assert phones.seated == set(talk.staff) == phones.hears.keys() - {CALLER}
        assert phones.hears[CALLER] == ("talk" if CALLER in talk.parties else "music")


def test_a_star_and_a_digit_say_what_is_wanted():
    keys = Keys()
    assert [keys.press(key) for key in "1*1**2*93*3"] == [
        None, None, "return", None, None, "conference", None, None, None, None, "leave",
    ]  # fmt: skip
