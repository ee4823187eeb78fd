"""Matching of queued callers to agents: first come, first served, by the agent who has been idle longest. Pure.

Must not know: how callers wait, how agents are rung, where either is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ivr.agents.presence import AgentState, Presence
from ivr.agents.roster import Agent

ABSENT_STATES = (AgentState.AWAY, AgentState.MISSED, AgentState.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class QueuedCaller:
    """A caller in a line's queue. `needs` are the skills required, `tried` the agents who did not take the call.

    `offered`: the call is being offered to an agent now.
    """

    call: str
    needs: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    offered: bool = False

    def suits(self, agent: Agent) -> bool:
        """Return whether the call may be offered to this agent."""
        return self.needs <= agent.skills and agent.id not in self.tried


def match_agents(
    queue: Sequence[QueuedCaller], on_duty: Sequence[Agent], presences: Mapping[str, Presence]
) -> dict[str, str]:
    """Return which agent to ring for each call (call → agent); at most one call per agent.

    `queue` is in order of arrival. A caller for whom no agent is free does not block the callers behind.
    """
    free = sorted(
        (agent for agent in on_duty if _presence(agent, presences).state is AgentState.AVAILABLE),
        key=lambda agent: (_presence(agent, presences).idle_since, agent.id),
    )
    matched: dict[str, str] = {}
    for caller in queue:
        agent = None if caller.offered else next((agent for agent in free if caller.suits(agent)), None)
        if agent:
            matched[caller.call] = agent.id
            free.remove(agent)
    return matched


def unavailable_reason(caller: QueuedCaller, on_duty: Sequence[Agent], presences: Mapping[str, Presence]) -> str:
    """Return why no agent can take this caller, as a TransferRefused reason; empty if one may, now or later."""
    states = [_presence(agent, presences).state for agent in on_duty if caller.suits(agent)]
    if any(state not in ABSENT_STATES for state in states):
        return ""
    return "unreachable" if AgentState.UNREACHABLE in states else "unavailable"


def callers_ahead(queue: Sequence[QueuedCaller], call: str) -> int:
    """Return the number of callers ahead of this one.

    Raises:
        ValueError: the call is not in the queue.
    """
    return [waiting.call for waiting in queue].index(call)


def _presence(agent: Agent, presences: Mapping[str, Presence]) -> Presence:
    return presences.get(agent.id, Presence())
