"""`/api/v1/calls`: place a call, query its result. Must not know: networks, what flows do, how calls are run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final
from uuid import uuid4

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, ValidationInfo, field_validator

from ivr.call.outbound import OutboundCaller
from ivr.console.access import role
from ivr.console.faults import faults
from ivr.database.errors import UnknownCall
from ivr.errors import HuifangError
from ivr.flow_store import FlowStore
from ivr.phone_number import canonical_number, dialable_number, parse_number
from ivr.records.call_records import CallRecords
from ivr.records.record import WITHHELD
from ivr.telephony.port import Call
from ivr.telephony.slots import AtCapacity

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 10
"""Seconds after which a client that met a full service should try again."""


class CallRequest(BaseModel):
    """A request to place a call, validated with the site's phones as context.

    `number` is one of these phones or a telephone number in any usual spelling, `caller` the number shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[str, StringConstraints(max_length=64)]
    caller: Annotated[str, StringConstraints(max_length=64)] = ""
    flow: str = "survey"
    language: str = "zh-CN"
    variables: Mapping[str, Any] = {}

    @field_validator("number")
    @classmethod
    def _read_number(cls, number: str, validation: ValidationInfo) -> str:
        return dialable_number(number, validation.context or ())

    @field_validator("caller")
    @classmethod
    def _read_caller(cls, caller: str) -> str:
        number = canonical_number(caller)
        return number if number.removeprefix("+").isdigit() or not number else str(parse_number(caller))


class CallsApi:
    """The API of calls; `phones` are those of the site."""

    def __init__(
        self, outbound: OutboundCaller, flow_store: FlowStore, records: CallRecords, phones: Collection[str] = ()
    ) -> None:
        self._outbound, self._flow_store, self._records, self._phones = outbound, flow_store, records, phones
        self._placed: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes: POST /api/v1/calls and GET /api/v1/calls/{id}."""
        return [web.post("/api/v1/calls", self._post), web.get("/api/v1/calls/{id}", self._get)]

    async def _post(self, request: web.Request) -> web.Response:
        try:
            requested = CallRequest.model_validate_json(await request.read(), context=self._phones)
        except ValidationError as invalid:
            return web.json_response({"faults": faults(invalid)}, status=422)
        if not self._flow_store.has(requested.flow, requested.language):
            fault = {"path": "flow", "reason": f"there is no flow “{requested.flow}” in {requested.language}"}
            return web.json_response({"faults": [fault]}, status=422)
        given = self._flow_store.read_values(requested.flow, requested.variables)
        if given.refused:
            refused = [{"path": f"variables.{name}", "reason": reason} for name, reason in given.refused.items()]
            return web.json_response({"faults": refused}, status=422)
        call = Call(
            id=uuid4().hex,
            network="asterisk",
            direction="outbound",
            caller=requested.caller,
            called=requested.number,
            flow=requested.flow,
            language=requested.language,
            variables=given.accepted,
        )
        opened = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._place_call(call, opened), name=f"placing {call.id}")
        self._placed.add(task)
        task.add_done_callback(self._placed.discard)
        try:
            await opened
        except AtCapacity as full:
            raise web.HTTPServiceUnavailable(text=f"{full}\n", headers={hdrs.RETRY_AFTER: str(RETRY_AFTER_S)}) from full
        except HuifangError as fault:
            raise web.HTTPServiceUnavailable(text=f"{fault}\n") from fault
        return web.json_response({"call": call.id}, status=202)

    async def _place_call(self, call: Call, opened: asyncio.Future[None]) -> None:
        try:
            await self._outbound.place(call, lambda: opened.set_result(None))
        except AtCapacity as full:
            opened.set_exception(full)
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
