"""`/api/v1/agents`: presence of all agents, an agent's availability, commands and event stream.

Must not know: networks, how callers are transferred.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import partial
from typing import Any, Final, Literal, TypeVar
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from ivr.agents import presence
from ivr.agents.agent_services import AgentServices
from ivr.agents.command_service import CommandUnanswered, KeyReused
from ivr.agents.presence import Presence
from ivr.agents.roster import Agent
from ivr.agents.transfer_state import AgentCommand, CommandName
from ivr.console.faults import faults
from ivr.console.sse import KEEPALIVE, SseStreams, disconnect, encode_event, last_event_id, with_keepalives
from ivr.database.errors import UnknownCall
from ivr.errors import HuifangError
from ivr.live.errors import LiveStateUnavailable
from ivr.live.feed_event import EventKind, FeedEvent
from ivr.live.feed_reader import Delivery
from ivr.records.call_records import CallRecords
from ivr.records.record import WITHHELD

log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=BaseModel)

WITH_CASE: Final[frozenset[EventKind]] = frozenset({"offered", "accepted"})
"""The kinds of events that are sent with the answers and cases of the call."""
COMMAND_NAMES: Final[Mapping[str, CommandName]] = {
    "transfer": "onward",
    "consult": "consult",
    "conference": "conference",
    "return": "return",
    "leave": "leave",
}
WITH_LINE: Final = frozenset({"onward", "consult"})
IDEMPOTENCY_KEY: Final = "Idempotency-Key"


class PresenceRequest(BaseModel):
    """The availability that an agent chooses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["available", "away"]


class TransferRequest(BaseModel):
    """The target of a transfer or a consultation: a line of the rosters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: str


class AgentsApi:
    """The API of the agents; `records` supply the answers and cases of their calls."""

    def __init__(self, agents: AgentServices, records: CallRecords) -> None:
        self._agents, self._records = agents, records
        self._streams = SseStreams()

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes: GET /api/v1/agents, PUT …/{id}/presence, GET …/{id}/events, POST …/{id}/COMMAND."""
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
        """End the event streams when the service stops."""
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
            told = FeedEvent(
                uuid4().hex, "presence", self._agents.now(), agent=agent.id, data={"state": after.state.value}
            )
            await self._agents.reader.feed.publish(told)
        return web.json_response(self._agent_json(agent, {agent.id: after}))

    async def _command(self, what: CommandName, request: web.Request) -> web.Response:
        """Answer with the reply of the call: 202 or 409; 503 if the command was dropped, 504 if that is not known."""
        agent, line, key = self._agent(request), "", _idempotency_key(request)
        if what in WITH_LINE:
            line = (await _read(request, TransferRequest)).line
            if not self._agents.acd.has_roster(line):
                raise _unprocessable([{"path": "line", "reason": f"there is no line “{line}”"}])
        try:
            with _available():
                reply = await self._agents.commands.send(AgentCommand(agent.id, what, line), key)
        except KeyReused as reused:
            raise _unprocessable([{"path": IDEMPOTENCY_KEY, "reason": str(reused)}]) from reused
        except CommandUnanswered as unanswered:
            status = web.HTTPServiceUnavailable if unanswered.dropped else web.HTTPGatewayTimeout
            raise status(text=f"{unanswered}\n") from unanswered
        if reply.refused:
            return web.json_response({"refused": reply.refused, "reason": reply.why}, status=409)
        return web.json_response({"call": reply.call} | ({"line": line} if line else {}), status=202)

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

    # --- event stream ---------------------------------------------------------------------------------------------

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Serve the agent's events as server-sent events; Last-Event-ID resumes after an event if still retained."""
        agent, after = self._agent(request), last_event_id(request)
        with _available():
            after = after or await self._agents.reader.feed.newest()
            known = await self._agents.presences.all()
        state = known.get(agent.id, Presence()).state
        first = encode_event("presence", {"kind": "presence", "agent": agent.id, "state": state})
        events = self._agents.reader.events(after, lambda event: event.agent == agent.id, partial(disconnect, request))
        return await self._streams.serve(request, self._messages(first, events))

    async def _messages(self, first: bytes, events: AsyncGenerator[Delivery, None]) -> AsyncGenerator[bytes, None]:
        """Yield the first message and those of the events, with keepalives in between."""
        yield first
        async with contextlib.aclosing(with_keepalives(events)) as following:
            async for each in following:
                if each is None:
                    yield KEEPALIVE
                else:
                    event_id, event = each
                    yield encode_event(event.kind, _event_json(event) | await self._case(event), event_id)

    async def _case(self, event: FeedEvent) -> dict[str, Any]:
        """Return the current answers and cases of the event's call."""
        if event.kind not in WITH_CASE:
            return {}
        call_id = str(event.call)
        try:
            record = await self._records.call(call_id)
        except UnknownCall:
            return {}
        except HuifangError as error:
            log.warning("call %s: its answers and cases were not sent to the agent: %s", call_id, error)
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


def _event_json(event: FeedEvent) -> dict[str, Any]:
    return {**event.data, "id": event.id, "kind": event.kind, "at": event.at.isoformat(), **event.subjects}


def _idempotency_key(request: web.Request) -> str:
    """Return the key of the request, by which a repeated one is known; empty if it has none.

    Raises:
        HTTPBadRequest: the header Idempotency-Key is not a key.
    """
    key = request.headers.get(IDEMPOTENCY_KEY, "")
    if key and not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", key):
        raise web.HTTPBadRequest(text=f"{IDEMPOTENCY_KEY} must be up to 100 letters, digits, “_” or “-”\n")
    return key


@contextlib.contextmanager
def _available() -> Iterator[None]:
    """Answer with status 503 while the live state is unavailable."""
    try:
        yield
    except LiveStateUnavailable as error:
        raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
