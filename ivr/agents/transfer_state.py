"""The warm-transfer state machine of a call that an agent has taken: caller, agent, consulted colleague. Pure.

`step` maps a state and an event (a command or a fact) to the next state and the actions to execute. A command that the
state does not allow raises IllegalMove and changes nothing; a fact that arrives too late is compensated for.
Must not know: telephone networks, stores, clocks, how a colleague is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from ivr.errors import IllegalMove

CALLER: Final = "caller"
HUNG_UP: Final = "hung_up"
"""The reason why a consultation ended: the colleague hung up."""

CommandName = Literal["consult", "conference", "return", "leave", "onward"]
TransferEnding = Literal["", "parted", "dropped", "onward", "caller"]
ReleasedBy = Literal["agent", "colleague", "caller"]


class TransferPhase(StrEnum):
    """The phase of a call, which determines who hears whom."""

    TALKING = "talking"
    """Caller and agent."""
    ASKING = "asking"
    """A colleague is rung: the caller hears music on hold, the agent ringback."""
    CONSULTING = "consulting"
    """Agent and colleague; the caller hears music on hold."""
    CONFERENCE = "conference"
    """Caller, agent and colleague."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class TransferState:
    """The state of a call. `agent` and `colleague` are ids.

    `line` is the line rung for a colleague, or the one that the caller is transferred to. `why` is the reason why the
    last consultation failed or ended. `ending`, once the call is over: the agent hung up (`parted`), was disconnected
    while the caller was on hold (`dropped`), transferred the caller to a line (`onward`), or the `caller` hung up.
    """

    agent: str
    phase: TransferPhase = TransferPhase.TALKING
    colleague: str = ""
    line: str = ""
    why: str = ""
    ending: TransferEnding = ""

    @property
    def staff(self) -> tuple[str, ...]:
        """The agents on the call: everyone but the caller."""
        return tuple(who for who in (self.agent, self.colleague) if who)

    @property
    def parties(self) -> tuple[str, ...]:
        """The parties who hear each other; everyone else is on hold."""
        match self.phase:
            case TransferPhase.TALKING:
                return CALLER, self.agent
            case TransferPhase.CONSULTING:
                return self.staff
            case TransferPhase.CONFERENCE:
                return CALLER, *self.staff
        return ()


# --- events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """A command of the agent or the colleague, see docs/agents.md. `consult` and `onward` need a `line`."""

    by: str
    what: CommandName
    line: str = ""


@dataclass(frozen=True, slots=True)
class ColleagueJoined:
    """A colleague has accepted the consultation."""

    colleague: str


@dataclass(frozen=True, slots=True)
class ColleagueUnavailable:
    """No colleague accepted the consultation; `reason` is one of TransferRefused."""

    reason: str


@dataclass(frozen=True, slots=True)
class AgentGone:
    """The agent or the colleague has hung up; `never_connected`: before they were connected to the caller."""

    who: str
    never_connected: bool = False


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller has hung up."""


TransferEvent = AgentCommand | ColleagueJoined | ColleagueUnavailable | AgentGone | CallerGone

# --- actions ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HoldCaller:
    """Put the caller on hold with music; `who`, whom they talked with, hears ringback."""

    who: str


@dataclass(frozen=True, slots=True)
class RingColleague:
    """Ring the agents of a line for a consultation; results in ColleagueJoined or ColleagueUnavailable."""

    line: str


@dataclass(frozen=True, slots=True)
class StopRinging:
    """Cancel the search for a colleague."""


@dataclass(frozen=True, slots=True)
class ConferAside:
    """Connect these people with each other, without the caller."""

    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JoinCaller:
    """Connect `who` to the caller and everyone connected to the caller; the music on hold ends."""

    who: str


@dataclass(frozen=True, slots=True)
class ReleaseAgent:
    """Hang up on `who` if they are still connected; `by` is the party whose hangup or command caused it."""

    who: str
    by: ReleasedBy


TransferAct = HoldCaller | RingColleague | StopRinging | ConferAside | JoinCaller | ReleaseAgent
TransferStep = tuple[TransferState, tuple[TransferAct, ...]]


def step(transfer: TransferState, event: TransferEvent) -> TransferStep:
    """Return the next state and the actions to execute, in order.

    Raises:
        IllegalMove: the state does not allow the command.
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
    """Make the colleague the agent of the call."""
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
