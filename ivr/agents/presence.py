"""One agent's presence: what they said, whether their phone is there, which call they have. Pure.

Every move gives a new presence; one that the present state does not allow raises IllegalMove and changes nothing.
Must not know: shifts, stores, clocks (`now`, in seconds since 1970, is handed in).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from ivr.errors import IllegalMove

EngagementStage = Literal["ringing", "busy", "wrap_up"]


class AgentState(StrEnum):
    """What an agent is to those who look for one."""

    AVAILABLE = "available"
    RINGING = "ringing"
    BUSY = "busy"
    WRAP_UP = "wrap_up"
    AWAY = "away"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Engagement:
    """An agent's call: offered (`ringing`), being talked on (`busy`), or just over (`wrap_up`). `node` leads it."""

    stage: EngagementStage
    call: str
    line: str
    node: str


@dataclass(frozen=True, slots=True)
class Presence:
    """An agent who has not said anything yet is away. `idle_since` is when they last became free, for turns' sake."""

    here: bool = False
    reachable: bool = False
    idle_since: float = 0.0
    engaged: Engagement | None = None

    @property
    def state(self) -> AgentState:
        """A call outranks what was said, and that outranks the phone."""
        if self.engaged:
            return AgentState(self.engaged.stage)
        if not self.here:
            return AgentState.AWAY
        return AgentState.AVAILABLE if self.reachable else AgentState.UNREACHABLE


def set_available(presence: Presence, now: float) -> Presence:
    """The agent says they are available; that ends a wrap-up early."""
    idle_since = presence.idle_since if presence.here else now
    return replace(_without_wrap_up(presence), here=True, idle_since=idle_since)


def set_away(presence: Presence) -> Presence:
    """The agent says they are away; a call that they have goes on."""
    return replace(_without_wrap_up(presence), here=False)


def set_reachable(presence: Presence, reachable: bool) -> Presence:
    """The agent's phone has registered, or is gone; a call that they have goes on."""
    return replace(presence, reachable=reachable)


def offer(presence: Presence, call: str, line: str, node: str) -> Presence:
    """The agent's phone is to ring for a call."""
    if presence.state is not AgentState.AVAILABLE:
        raise IllegalMove(f"nobody who is {presence.state} can be offered a call")
    return replace(presence, engaged=Engagement("ringing", call, line, node))


def withdraw(presence: Presence, call: str) -> Presence:
    """The agent did not take the call that they were offered: they are free again, and no later in turn."""
    _expect(presence, "ringing", call)
    return replace(presence, engaged=None)


def accept(presence: Presence, call: str) -> Presence:
    """The agent takes the call that they were offered."""
    return replace(presence, engaged=replace(_expect(presence, "ringing", call), stage="busy"))


def hang_up(presence: Presence, call: str, now: float) -> Presence:
    """The agent's call is over; they have something to write down."""
    return replace(presence, idle_since=now, engaged=replace(_expect(presence, "busy", call), stage="wrap_up"))


def end_wrap_up(presence: Presence) -> Presence:
    """The time to write things down is over."""
    if presence.state is not AgentState.WRAP_UP:
        raise IllegalMove(f"an agent who is {presence.state} writes nothing down")
    return replace(presence, engaged=None)


def _without_wrap_up(presence: Presence) -> Presence:
    return end_wrap_up(presence) if presence.state is AgentState.WRAP_UP else presence


def _expect(presence: Presence, stage: EngagementStage, call: str) -> Engagement:
    engaged = presence.engaged
    if engaged is None or (engaged.stage, engaged.call) != (stage, call):
        raise IllegalMove(f"the agent is {presence.state}, not {stage} with call {call}")
    return engaged
