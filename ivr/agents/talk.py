"""Who talks with whom on a call that an agent has taken: the caller, the agent, a colleague whom they consult. Pure.

What somebody wants and what has happened goes in; the next talk, and what is to be done for it, comes out. A wish that
the talk does not allow raises IllegalMove and changes nothing; a fact that comes too late is put right.
Must not know: telephone networks, stores, clocks, how a colleague is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from ivr.errors import IllegalMove

CALLER: Final = "caller"
HUNG_UP: Final = "hung_up"
"""Why a consultation ended: the colleague was there and is gone."""

What = Literal["consult", "conference", "return", "leave", "onward"]
Ending = Literal["", "parted", "dropped", "onward", "caller"]
By = Literal["agent", "colleague", "caller"]


class Phase(StrEnum):
    """Who hears whom."""

    TALKING = "talking"
    """Caller and agent."""
    ASKING = "asking"
    """The caller hears music, the agent that somebody is rung."""
    CONSULTING = "consulting"
    """Agent and colleague; the caller hears music."""
    CONFERENCE = "conference"
    """All three."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Talk:
    """`agent` and `colleague` by their ids, `line` is the one that is asked for a colleague, or passed on to.

    `why` tells why the last consultation came to nothing; `ending`, once it is over, how: the agent has `parted` from
    the caller, has `dropped` out while the caller was waiting, wants them passed `onward`, or the `caller` hung up.
    """

    agent: str
    phase: Phase = Phase.TALKING
    colleague: str = ""
    line: str = ""
    why: str = ""
    ending: Ending = ""

    @property
    def staff(self) -> tuple[str, ...]:
        """Everybody but the caller."""
        return tuple(who for who in (self.agent, self.colleague) if who)

    @property
    def parties(self) -> tuple[str, ...]:
        """Those who hear each other; whoever is not named waits."""
        match self.phase:
            case Phase.TALKING:
                return CALLER, self.agent
            case Phase.CONSULTING:
                return self.staff
            case Phase.CONFERENCE:
                return CALLER, *self.staff
        return ()


# --- what goes in -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What the agent or the colleague wants: see docs/agents.md. `line` goes with `consult` and `onward`."""

    by: str
    what: What
    line: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A colleague has answered and is ready to talk."""

    colleague: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """No colleague did, for a `reason` in the words of TransferRefused."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """An agent or a colleague has hung up; `unmet`: before they could be put through to the caller."""

    who: str
    unmet: bool = False


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller has hung up."""


Event = Wish | Taken | NotTaken | Gone | CallerGone

# --- what comes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hold:
    """The caller hears music, and `who`, whom they talked with, that somebody is rung."""

    who: str


@dataclass(frozen=True, slots=True)
class Ring:
    """Ask for a colleague on a line: Taken or NotTaken."""

    line: str


@dataclass(frozen=True, slots=True)
class StopRinging:
    """No colleague is wanted any more."""


@dataclass(frozen=True, slots=True)
class Confer:
    """These talk without the caller."""

    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """`who` talks with the caller, whose music ends, and with whoever else does."""

    who: str


@dataclass(frozen=True, slots=True)
class Release:
    """`who` is hung up on, if they are still there, for somebody has left or wants it: `by`."""

    who: str
    by: By


Act = Hold | Ring | StopRinging | Confer | Join | Release
Step = tuple[Talk, tuple[Act, ...]]


def step(talk: Talk, event: Event) -> Step:
    """The talk that follows, and what is to be done in order.

    Raises:
        IllegalMove: a wish that can't be met now.
    """
    match event:
        case Wish():
            return _wished(talk, event)
        case Taken(colleague):
            return _taken(talk, colleague)
        case NotTaken(reason) if talk.phase is Phase.ASKING:
            return _alone(talk, reason), (Join(talk.agent),)
        case Gone(who, unmet) if who in talk.staff and talk.phase is not Phase.OVER:
            return _agent_gone(talk, unmet) if who == talk.agent else _without_colleague(talk, "colleague", HUNG_UP)
        case CallerGone() if talk.phase is not Phase.OVER:
            return _over(talk, "caller"), (*_stop(talk), *(Release(who, "caller") for who in talk.staff))
    return talk, ()


def _wished(talk: Talk, wish: Wish) -> Step:
    if wish.by not in talk.staff:
        raise IllegalMove(f"{wish.by} is not on this call")
    ours = wish.by == talk.agent
    match talk.phase, wish.what:
        case Phase.TALKING, "consult" if ours:
            asking = replace(talk, phase=Phase.ASKING, line=wish.line, why="")
            return asking, (Hold(talk.agent), Ring(wish.line))
        case Phase.TALKING, "onward" if ours:
            return _over(replace(talk, line=wish.line), "onward"), (Hold(talk.agent), Release(talk.agent, "agent"))
        case Phase.ASKING, "return" if ours:
            return _alone(talk), (StopRinging(), Join(talk.agent))
        case Phase.CONSULTING, "conference":
            return replace(talk, phase=Phase.CONFERENCE), (Join(talk.agent), Join(talk.colleague))
        case ((Phase.CONSULTING | Phase.CONFERENCE), "return") if ours:
            return _without_colleague(talk, "agent")
        case ((Phase.CONSULTING | Phase.CONFERENCE), "leave"):
            return _without_agent(talk) if ours else _without_colleague(talk, "colleague", HUNG_UP)
    who = "agent" if ours else "colleague"
    raise IllegalMove(f"the {who} cannot {wish.what} while {talk.phase}")


def _taken(talk: Talk, colleague: str) -> Step:
    if talk.phase is not Phase.ASKING:
        return talk, (Release(colleague, "agent"),)
    return replace(talk, phase=Phase.CONSULTING, colleague=colleague), (Confer((talk.agent, colleague)),)


def _agent_gone(talk: Talk, unmet: bool) -> Step:
    if talk.colleague:
        return _without_agent(talk)
    dropped = unmet or talk.phase is Phase.ASKING
    return _over(talk, "dropped" if dropped else "parted"), (*_stop(talk), Release(talk.agent, "agent"))


def _without_agent(talk: Talk) -> Step:
    """The colleague has the caller from now on."""
    join = (Join(talk.colleague),) if talk.phase is Phase.CONSULTING else ()
    return Talk(talk.colleague), (*join, Release(talk.agent, "agent"))


def _without_colleague(talk: Talk, by: By, why: str = "") -> Step:
    join = (Join(talk.agent),) if talk.phase is Phase.CONSULTING else ()
    return _alone(talk, why), (*join, Release(talk.colleague, by))


def _alone(talk: Talk, why: str = "") -> Talk:
    return Talk(talk.agent, why=why)


def _over(talk: Talk, ending: Ending) -> Talk:
    return Talk(talk.agent, Phase.OVER, line=talk.line if ending == "onward" else "", ending=ending)


def _stop(talk: Talk) -> tuple[Act, ...]:
    return (StopRinging(),) if talk.phase is Phase.ASKING else ()
