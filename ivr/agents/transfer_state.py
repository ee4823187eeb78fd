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

CommandName = Literal["consult", "conference", "return", "leave", "onward"]
TransferEnding = Literal["", "parted", "dropped", "onward", "caller"]
ReleasedBy = Literal["agent", "colleague", "caller"]


class TransferPhase(StrEnum):
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
class TransferState:
    """`agent` and `colleague` by their ids, `line` is the one that is asked for a colleague, or passed on to.

    `why` tells why the last consultation came to nothing; `ending`, once it is over, how: the agent has `parted` from
    the caller, has `dropped` out while the caller was waiting, wants them passed `onward`, or the `caller` hung up.
    """

    agent: str
    phase: TransferPhase = TransferPhase.TALKING
    colleague: str = ""
    line: str = ""
    why: str = ""
    ending: TransferEnding = ""

    @property
    def staff(self) -> tuple[str, ...]:
        """Everybody but the caller."""
        return tuple(who for who in (self.agent, self.colleague) if who)

    @property
    def parties(self) -> tuple[str, ...]:
        """Those who hear each other; whoever is not named waits."""
        match self.phase:
            case TransferPhase.TALKING:
                return CALLER, self.agent
            case TransferPhase.CONSULTING:
                return self.staff
            case TransferPhase.CONFERENCE:
                return CALLER, *self.staff
        return ()


# --- what goes in -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """What the agent or the colleague wants: see docs/agents.md. `line` goes with `consult` and `onward`."""

    by: str
    what: CommandName
    line: str = ""


@dataclass(frozen=True, slots=True)
class ColleagueJoined:
    """A colleague has answered and is ready to talk."""

    colleague: str


@dataclass(frozen=True, slots=True)
class ColleagueUnavailable:
    """No colleague did, for a `reason` in the words of TransferRefused."""

    reason: str


@dataclass(frozen=True, slots=True)
class AgentGone:
    """An agent or a colleague has hung up; `unmet`: before they could be put through to the caller."""

    who: str
    never_connected: bool = False


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller has hung up."""


TransferEvent = AgentCommand | ColleagueJoined | ColleagueUnavailable | AgentGone | CallerGone

# --- what comes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HoldCaller:
    """The caller hears music, and `who`, whom they talked with, that somebody is rung."""

    who: str


@dataclass(frozen=True, slots=True)
class RingColleague:
    """Ask for a colleague on a line: Taken or NotTaken."""

    line: str


@dataclass(frozen=True, slots=True)
class StopRinging:
    """No colleague is wanted any more."""


@dataclass(frozen=True, slots=True)
class ConferAside:
    """These talk without the caller."""

    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JoinCaller:
    """`who` talks with the caller, whose music ends, and with whoever else does."""

    who: str


@dataclass(frozen=True, slots=True)
class ReleaseAgent:
    """`who` is hung up on, if they are still there, for somebody has left or wants it: `by`."""

    who: str
    by: ReleasedBy


TransferAct = HoldCaller | RingColleague | StopRinging | ConferAside | JoinCaller | ReleaseAgent
TransferStep = tuple[TransferState, tuple[TransferAct, ...]]


def step(transfer: TransferState, event: TransferEvent) -> TransferStep:
    """The talk that follows, and what is to be done in order.

    Raises:
        IllegalMove: a wish that can't be met now.
    """
    match event:
        case AgentCommand():
            return _apply_command(transfer, event)
        case ColleagueJoined(colleague):
            return _colleague_joined(transfer, colleague)
        case ColleagueUnavailable(reason) if transfer.phase is TransferPhase.ASKING:
            return _return_to_agent(transfer, reason), (JoinCaller(transfer.agent),)
        case AgentGone(who, never_connected) if who in transfer.staff and transfer.phase is not TransferPhase.OVER:
            return (
                _agent_gone(transfer, never_connected)
                if who == transfer.agent
                else _without_colleague(transfer, "colleague", HUNG_UP)
            )
        case CallerGone() if transfer.phase is not TransferPhase.OVER:
            return _end(transfer, "caller"), (
                *_stop_ringing(transfer),
                *(ReleaseAgent(who, "caller") for who in transfer.staff),
            )
    return transfer, ()


def _apply_command(transfer: TransferState, command: AgentCommand) -> TransferStep:
    if command.by not in transfer.staff:
        raise IllegalMove(f"{command.by} is not on this call")
    is_agent = command.by == transfer.agent
    match transfer.phase, command.what:
        case TransferPhase.TALKING, "consult" if is_agent:
            asking = replace(transfer, phase=TransferPhase.ASKING, line=command.line, why="")
            return asking, (HoldCaller(transfer.agent), RingColleague(command.line))
        case TransferPhase.TALKING, "onward" if is_agent:
            return _end(replace(transfer, line=command.line), "onward"), (
                HoldCaller(transfer.agent),
                ReleaseAgent(transfer.agent, "agent"),
            )
        case TransferPhase.ASKING, "return" if is_agent:
            return _return_to_agent(transfer), (StopRinging(), JoinCaller(transfer.agent))
        case TransferPhase.CONSULTING, "conference":
            return replace(transfer, phase=TransferPhase.CONFERENCE), (
                JoinCaller(transfer.agent),
                JoinCaller(transfer.colleague),
            )
        case ((TransferPhase.CONSULTING | TransferPhase.CONFERENCE), "return") if is_agent:
            return _without_colleague(transfer, "agent")
        case ((TransferPhase.CONSULTING | TransferPhase.CONFERENCE), "leave"):
            return _without_agent(transfer) if is_agent else _without_colleague(transfer, "colleague", HUNG_UP)
    who = "agent" if is_agent else "colleague"
    raise IllegalMove(f"the {who} cannot {command.what} while {transfer.phase}")


def _colleague_joined(transfer: TransferState, colleague: str) -> TransferStep:
    if transfer.phase is not TransferPhase.ASKING:
        return transfer, (ReleaseAgent(colleague, "agent"),)
    return replace(transfer, phase=TransferPhase.CONSULTING, colleague=colleague), (
        ConferAside((transfer.agent, colleague)),
    )


def _agent_gone(transfer: TransferState, never_connected: bool) -> TransferStep:
    if transfer.colleague:
        return _without_agent(transfer)
    dropped = never_connected or transfer.phase is TransferPhase.ASKING
    return _end(transfer, "dropped" if dropped else "parted"), (
        *_stop_ringing(transfer),
        ReleaseAgent(transfer.agent, "agent"),
    )


def _without_agent(transfer: TransferState) -> TransferStep:
    """The colleague has the caller from now on."""
    join = (JoinCaller(transfer.colleague),) if transfer.phase is TransferPhase.CONSULTING else ()
    return TransferState(transfer.colleague), (*join, ReleaseAgent(transfer.agent, "agent"))


def _without_colleague(transfer: TransferState, by: ReleasedBy, why: str = "") -> TransferStep:
    join = (JoinCaller(transfer.agent),) if transfer.phase is TransferPhase.CONSULTING else ()
    return _return_to_agent(transfer, why), (*join, ReleaseAgent(transfer.colleague, by))


def _return_to_agent(transfer: TransferState, why: str = "") -> TransferState:
    return TransferState(transfer.agent, why=why)


def _end(transfer: TransferState, ending: TransferEnding) -> TransferState:
    return TransferState(
        transfer.agent, TransferPhase.OVER, line=transfer.line if ending == "onward" else "", ending=ending
    )


def _stop_ringing(transfer: TransferState) -> tuple[TransferAct, ...]:
    return (StopRinging(),) if transfer.phase is TransferPhase.ASKING else ()
