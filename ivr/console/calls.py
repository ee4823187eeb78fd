"""`/api/v1/calls`: place a call, query its result. Must not know: networks, flows' contents, how calls are run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from ivr.call.outbound import OutboundCaller
from ivr.console.access import role
from ivr.console.faults import faults
from ivr.database.errors import UnknownCall
from ivr.errors import HuifangError
from ivr.events import Value
from ivr.records.call_records import CallRecords
from ivr.records.record import WITHHELD
from ivr.telephony.port import Call

log = logging.getLogger(__name__)


class CallRequest(BaseModel):
    """A request to place a call. `number` is a phone or a telephone number.

    `network` is the name of the network to place it over; empty: the first that places calls.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[str, StringConstraints(pattern=r"^\+?[0-9A-Za-z_*#-]{1,32}$")]
    caller: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{0,20}$")] = ""
    flow: str = "survey"
    language: str = "zh-CN"
    network: str = ""
    variables: Mapping[str, Value] = {}


class CallsApi:
    """The API of calls; `outbound` places calls, by network, `has_flow` returns whether a flow exists in a language."""

    def __init__(
        self, outbound: Mapping[str, OutboundCaller], has_flow: Callable[[str, str], bool], records: CallRecords
    ) -> None:
        self._outbound, self._has_flow, self._records = outbound, has_flow, records
        self._placed: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes: POST /api/v1/calls and GET /api/v1/calls/{id}."""
        return [web.post("/api/v1/calls", self._post), web.get("/api/v1/calls/{id}", self._get)]

    async def _post(self, request: web.Request) -> web.Response:
        try:
            requested = CallRequest.model_validate_json(await request.read())
        except ValidationError as invalid:
            return web.json_response({"faults": faults(invalid)}, status=422)
        if not self._has_flow(requested.flow, requested.language):
            fault = {"path": "flow", "reason": f"there is no flow “{requested.flow}” in {requested.language}"}
            return web.json_response({"faults": [fault]}, status=422)
        network = requested.network or next(iter(self._outbound), "")
        if network not in self._outbound:
            known = ", ".join(self._outbound) or "none"
            fault = {"path": "network", "reason": f"no network “{network}” places calls; those that do: {known}"}
            return web.json_response({"faults": [fault]}, status=422)
        call = Call(
            id=uuid4().hex,
            network=network,
            direction="outbound",
            caller=requested.caller,
            called=requested.number,
            flow=requested.flow,
            language=requested.language,
            variables=requested.variables,
        )
        opened = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._place_call(call, opened), name=f"placing {call.id}")
        self._placed.add(task)
        task.add_done_callback(self._placed.discard)
        try:
            await opened
        except HuifangError as fault:
            raise web.HTTPServiceUnavailable(text=f"{fault}\n") from fault
        return web.json_response({"call": call.id}, status=202)

    async def _place_call(self, call: Call, opened: asyncio.Future[None]) -> None:
        try:
            await self._outbound[call.network].place(call, lambda: opened.set_result(None))
        except Exception as fault:
            log.exception("call %s was not placed", call.id)
            if not opened.done():
                opened.set_exception(fault)

    async def _get(self, request: web.Request) -> web.Response:
        try:
            record = await self._records.call(request.match_info["id"], role(request))
        except UnknownCall as unknown:
            raise web.HTTPNotFound(text=f"{unknown}\n") from unknown
        call = record.call
        return web.json_response(
            {
                "call": call.id,
                "open": call.ended_at is None,
                "disposition": call.disposition,
                "aapor": call.aapor,
                "cause": call.cause,
                "answers": record.values,
                **({"withheld": WITHHELD} if call.withheld else {}),
            }
        )
