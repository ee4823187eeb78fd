"""Who is offered which waiting caller: first come, first served, by whoever has been idle longest. Pure.

Must not know: how callers wait, how agents are rung, where either is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ivr.agents.presence import AgentState, Presence
from ivr.agents.roster import Agent

ABSENT_STATES = (AgentState.AWAY, AgentState.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class QueuedCaller:
    """A caller in a line's queue: the skills that their call takes, and the agents who did not take it.

    `offered`: somebody's phone is ringing for them.
    """

    call: str
    needs: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    offered: bool = False

    def suits(self, agent: Agent) -> bool:
        """Whether this agent may be offered the call."""
        return self.needs <= agent.skills and agent.id not in self.tried


def match_agents(
    queue: Sequence[QueuedCaller], on_duty: Sequence[Agent], presences: Mapping[str, Presence]
) -> dict[str, str]:
    """Whom to ring for whom: call → agent. `queue` is in the order of coming; an agent has one call at a time.

    A caller for whom nobody is free does not hold up those behind.
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
    """Why nobody will take this caller however long they wait, in the words of TransferRefused; empty if one may."""
    states = [_presence(agent, presences).state for agent in on_duty if caller.suits(agent)]
    if any(state not in ABSENT_STATES for state in states):
        return ""
    return "unreachable" if AgentState.UNREACHABLE in states else "unavailable"


def callers_ahead(queue: Sequence[QueuedCaller], call: str) -> int:
    """How many callers are before this one.

    Raises:
        ValueError: the call does not wait.
    """
    return [waiting.call for waiting in queue].index(call)


def _presence(agent: Agent, presences: Mapping[str, Presence]) -> Presence:
    return presences.get(agent.id, Presence())
