"""`/api/v1/agents`: who is there, the agent's own word, and the agent's screen as a stream of events.

Must not know: networks, how callers are handed over.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from typing import Any, Final, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from ivr.agents import presence
from ivr.agents.agent_services import AgentServices
from ivr.agents.presence import AgentState, Presence
from ivr.agents.roster import Agent
from ivr.agents.transfer_state import CommandName
from ivr.console.faults import faults
from ivr.console.sse import KEEPALIVE, SseStreams, encode_event, last_event_id, with_keepalives
from ivr.database.errors import UnknownCall
from ivr.errors import HuifangError
from ivr.events import Value
from ivr.live.errors import LiveStateUnavailable
from ivr.records.call_records import CallRecords
from ivr.records.record import WITHHELD

log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=BaseModel)

WITH_CASE: Final = frozenset({"offered", "accepted"})
"""The events that come with what is known of the call."""
COMMAND_NAMES: Final[Mapping[str, CommandName]] = {
    "transfer": "onward",
    "consult": "consult",
    "conference": "conference",
    "return": "return",
    "leave": "leave",
}
WITH_LINE: Final = frozenset({"onward", "consult"})


class PresenceRequest(BaseModel):
    """What agents say of themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["available", "away"]


class TransferRequest(BaseModel):
    """A line of the rosters: whose people are asked, or where a caller is passed on to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: str


class AgentsApi:
    """The agents through the API; `records` tell what is known of their calls."""

    def __init__(self, agents: AgentServices, records: CallRecords) -> None:
        self._agents, self._records = agents, records
        self._streams = SseStreams()

    def routes(self) -> list[web.AbstractRouteDef]:
        """GET /api/v1/agents, PUT …/{id}/presence, GET …/{id}/events, and a POST for all that one wants on a call."""
        return [
            web.get("/api/v1/agents", self._list),
            web.put("/api/v1/agents/{id}/presence", self._put),
            *(
                web.post(f"/api/v1/agents/{{id}}/{path}", partial(self._command, what))
                for path, what in COMMAND_NAMES.items()
            ),
            web.get("/api/v1/agents/{id}/events", self._events),
        ]

    async def close(self, application: web.Application) -> None:
        """End the streams: the service stops."""
        await self._streams.close(application)

    async def _list(self, _: web.Request) -> web.Response:
        with _available():
            known = await self._agents.presences.all()
        return web.json_response(
            {"agents": [self._agent_json(one, known) for one in self._agents.rosters.agents.values()]}
        )

    async def _put(self, request: web.Request) -> web.Response:
        agent = self._agent(request)
        requested = await _read(request, PresenceRequest)
        step = (
            presence.set_away
            if requested.state == "away"
            else partial(presence.set_available, now=self._agents.now().timestamp())
        )
        with _available():
            after = await self._agents.presences.move(agent.id, step)
            await self._agents.feed.publish({"kind": "presence", "agent": agent.id, "state": after.state})
        return web.json_response(self._agent_json(agent, {agent.id: after}))

    async def _command(self, what: CommandName, request: web.Request) -> web.Response:
        """Whether the talk allows it is known to the node that leads the call: the stream tells what came of it."""
        agent, line = self._agent(request), ""
        if what in WITH_LINE:
            line = (await _read(request, TransferRequest)).line
            if not self._agents.acd.staffs(line):
                raise _unprocessable([{"path": "line", "reason": f"there is no line “{line}”"}])
        with _available():
            now = (await self._agents.presences.all()).get(agent.id, Presence())
            if now.state is not AgentState.BUSY or now.engaged is None:
                raise web.HTTPConflict(text=f"{agent.id} is {now.state} and has no caller\n")
            await self._agents.acd.send_command(agent.id, now.engaged.call, what, line)
        return web.json_response({"call": now.engaged.call} | ({"line": line} if line else {}), status=202)

    def _agent(self, request: web.Request) -> Agent:
        try:
            return self._agents.rosters.agents[request.match_info["id"]]
        except KeyError as unknown:
            raise web.HTTPNotFound(text=f"there is no agent {request.match_info['id']!r}\n") from unknown

    def _agent_json(self, agent: Agent, known: Mapping[str, Presence]) -> dict[str, Any]:
        now = known.get(agent.id, Presence())
        return {
            "id": agent.id,
            "name": agent.name,
            "phone": agent.phone,
            "skills": sorted(agent.skills),
            "on_duty": list(self._agents.rosters.lines_of(agent.id, self._agents.now())),
            "state": now.state,
            "call": now.engaged.call if now.engaged else None,
            "line": now.engaged.line if now.engaged else None,
        }

    # --- the screen -----------------------------------------------------------------------------------------------

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events; who comes back with Last-Event-ID misses nothing that is still kept."""
        agent, after = self._agent(request), last_event_id(request)
        with _available():
            after = after or await self._agents.feed.newest()
            known = await self._agents.presences.all()
        state = known.get(agent.id, Presence()).state
        first = _encode({"kind": "presence", "agent": agent.id, "state": state})
        return await self._streams.serve(request, self._messages(agent.id, after, first))

    async def _messages(self, agent: str, after: str, first: bytes) -> AsyncIterator[bytes]:
        """The agent's events after an id, for ever, with a beat where there are none."""
        yield first
        async with contextlib.aclosing(with_keepalives(self._agents.feed.follow(after))) as following:
            async for each in following:
                if each is None:
                    yield KEEPALIVE
                elif each[1].get("agent") == agent:
                    event_id, event = each
                    yield _encode(event | await self._case(event), event_id)

    async def _case(self, event: Mapping[str, Value]) -> dict[str, Any]:
        """What is known of the event's call by now."""
        if event["kind"] not in WITH_CASE:
            return {}
        try:
            record = await self._records.call(str(event["call"]))
        except UnknownCall:
            return {}
        except HuifangError as error:
            log.warning("an agent's screen lacks what is known of call %s: %s", event["call"], error)
            return {}
        return {
            "answers": record.values,
            "cases": [{"number": case.number, "kind": case.kind, "reason": case.reason} for case in record.cases],
            **({"withheld": WITHHELD} if record.call.withheld else {}),
        }


async def _read(request: web.Request, shape: type[Body]) -> Body:
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as invalid:
        raise _unprocessable(faults(invalid)) from invalid


def _unprocessable(faults: list[dict[str, str]]) -> web.HTTPUnprocessableEntity:
    return web.HTTPUnprocessableEntity(text=json.dumps({"faults": faults}), content_type="application/json")


def _encode(event: Mapping[str, Any], event_id: str = "") -> bytes:
    return encode_event(event["kind"], event, event_id)


@contextlib.contextmanager
def _available() -> Iterator[None]:
    """A store that is away is the service's fault, not the client's."""
    try:
        yield
    except LiveStateUnavailable as error:
        raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
