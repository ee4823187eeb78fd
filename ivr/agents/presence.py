"""One agent's presence: chosen availability, phone registration, current call. Pure.

Every transition returns a new presence; a transition that the current state does not allow raises IllegalMove.
Must not know: shifts, stores, clocks (`now`, in seconds since 1970, is an argument).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from ivr.errors import IllegalMove

EngagementStage = Literal["ringing", "busy", "wrap_up"]

MAX_MISSED: Final = 2
"""Offers missed in a row after which the agent is offered no more calls until they set themselves available."""


class AgentState(StrEnum):
    """An agent's state as call distribution sees it."""

    AVAILABLE = "available"
    RINGING = "ringing"
    BUSY = "busy"
    WRAP_UP = "wrap_up"
    AWAY = "away"
    MISSED = "missed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Engagement:
    """An agent's call: offered (`ringing`), connected (`busy`) or ended (`wrap_up`). `node` is the one that runs it."""

    stage: EngagementStage
    call: str
    line: str
    node: str


@dataclass(frozen=True, slots=True)
class Presence:
    """An agent's presence; away by default. `idle_since`, when they last became free, orders agents for the next call.

    `here` is the availability that the agent chose, `reachable` whether their phone is registered, `missed` the number
    of offers in a row that rang unanswered.
    """

    here: bool = False
    reachable: bool = False
    idle_since: float = 0.0
    missed: int = 0
    engaged: Engagement | None = None

    @property
    def state(self) -> AgentState:
        """The state, in order of precedence: the call, the chosen availability, missed offers, the phone."""
        if self.engaged:
            return AgentState(self.engaged.stage)
        if not self.here:
            return AgentState.AWAY
        if self.missed >= MAX_MISSED:
            return AgentState.MISSED
        return AgentState.AVAILABLE if self.reachable else AgentState.UNREACHABLE


def set_available(presence: Presence, now: float) -> Presence:
    """Mark the agent as available; ends a wrap-up early and forgets missed offers."""
    keeps_turn = presence.here and presence.missed < MAX_MISSED
    idle_since = presence.idle_since if keeps_turn else now
    return replace(_without_wrap_up(presence), here=True, idle_since=idle_since, missed=0)


def set_away(presence: Presence) -> Presence:
    """Mark the agent as away; ends a wrap-up, leaves a current call alone."""
    return replace(_without_wrap_up(presence), here=False)


def set_reachable(presence: Presence, reachable: bool) -> Presence:
    """Set whether the agent's phone is registered; leaves a current call alone."""
    return replace(presence, reachable=reachable)


def offer(presence: Presence, call: str, line: str, node: str) -> Presence:
    """Reserve the agent for a call that their phone will ring for."""
    if presence.state is not AgentState.AVAILABLE:
        raise IllegalMove(f"an agent who is {presence.state} cannot be offered a call")
    return replace(presence, engaged=Engagement("ringing", call, line, node))


def withdraw(presence: Presence, call: str) -> Presence:
    """Free the agent, who could not take the offered call; `idle_since` and so their turn stay the same."""
    _expect(presence, "ringing", call)
    return replace(presence, engaged=None)


def decline(presence: Presence, call: str) -> Presence:
    """Free the agent, who declined the offered call and so is there; their turn stays the same."""
    return replace(withdraw(presence, call), missed=0)


def miss(presence: Presence, call: str) -> Presence:
    """Free the agent, who let the offered call ring; after MAX_MISSED such calls in a row they are offered no more."""
    return replace(withdraw(presence, call), missed=presence.missed + 1)


def accept(presence: Presence, call: str) -> Presence:
    """Connect the agent to the offered call."""
    return replace(presence, missed=0, engaged=replace(_expect(presence, "ringing", call), stage="busy"))


def hang_up(presence: Presence, call: str, now: float) -> Presence:
    """End the agent's call and start their wrap-up."""
    return replace(presence, idle_since=now, engaged=replace(_expect(presence, "busy", call), stage="wrap_up"))


def end_wrap_up(presence: Presence) -> Presence:
    """End the agent's wrap-up."""
    if presence.state is not AgentState.WRAP_UP:
        raise IllegalMove(f"an agent who is {presence.state} has no wrap-up to end")
    return replace(presence, engaged=None)


def _without_wrap_up(presence: Presence) -> Presence:
    return end_wrap_up(presence) if presence.state is AgentState.WRAP_UP else presence


def _expect(presence: Presence, stage: EngagementStage, call: str) -> Engagement:
    engaged = presence.engaged
    if engaged is None or (engaged.stage, engaged.call) != (stage, call):
        raise IllegalMove(f"the agent is {presence.state}, not {stage} with call {call}")
    return engaged
