"""Replay of a past call's events through a flow. Must not know: how events are stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ivr.actions import Action, Prompt, SaveAnswer
from ivr.events import Event, Value
from ivr.flow import engine
from ivr.flow.parse import FlowSet


class Replay:
    """Replay of one call, possibly in another version of its flow; each event answers the current wait."""

    def __init__(self, flow_set: FlowSet, flow: str, language: str, *, speech: bool) -> None:
        self._flow_set = flow_set
        self._state = engine.begin(flow_set.flows, flow_set.version, flow, language, speech=speech)
        self._actions: tuple[Action, ...] = ()
        self.answers: dict[str, Value] = {}

    @property
    def prompts(self) -> list[Prompt]:
        """Prompts of the last turn."""
        return [prompt for action in self._actions for prompt in getattr(action, "prompts", ())]

    def apply(self, event: Event, at: datetime) -> None:
        """Apply the next event as an answer to the current wait."""
        if not isinstance(event, engine.UNASKED) and self._state.wait:
            event = replace(event, wait=self._state.wait.id)
        turn = engine.step(self._flow_set.flows, self._state, event, at)
        self._actions = turn.actions if turn.state is not self._state else ()
        self._state = turn.state
        self.answers |= {kept.question: kept.value for kept in self._actions if isinstance(kept, SaveAnswer)}
