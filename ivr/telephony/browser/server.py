"""The browser phone's page and socket as aiohttp routes.

Must not know: flows, sessions (`answer` is passed in), access control (ivr/console/access.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from aiohttp import WSCloseCode, WSMsgType, web

from ivr.events import Value
from ivr.telephony.browser import wire
from ivr.telephony.browser.limits import PhoneLimits
from ivr.telephony.browser.stream import CONNECTION_LOST, BrowserCallLeg, BrowserStream, send
from ivr.telephony.media import MediaClosed
from ivr.telephony.port import Call

PAGE = Path(__file__).parent / "page"
FRAME_LIMIT_BYTES = 65_536
"""Maximum size of a WebSocket message; aiohttp closes the socket with 1009 without reading a larger one."""
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}

log = logging.getLogger(__name__)

CallHandler = Callable[[BrowserCallLeg], Awaitable[None]]
RefusedValues = Callable[[str, Mapping[str, Value]], Mapping[str, str]]
"""A flow and the values given for its variables → the reason for each one that the flow refuses, by name."""


@dataclass(frozen=True, slots=True)
class FlowChoice:
    """A flow offered by the page: its name, its title per language, its languages (BCP 47)."""

    name: str
    title: Mapping[str, str]
    languages: tuple[str, ...]


def routes(
    answer: CallHandler,
    flows: Callable[[], Sequence[FlowChoice]],
    refused: RefusedValues,
    new_id: Callable[[], str] = lambda: uuid4().hex,
    limits: PhoneLimits | None = None,
) -> list[web.AbstractRouteDef]:
    """Return the routes under /phone. `answer` handles each call; the leg is hung up when it returns.

    A session outlives its socket: if the request handler is cancelled, the session still receives MediaClosed and ends.
    `flows` is called again for each page and each call, so a reloaded flow file takes effect at once.
    """
    phone = _Phone(answer, flows, refused, new_id, limits or PhoneLimits())
    return [
        web.get("/phone", _page),
        web.static("/phone/static", PAGE),
        web.get("/phone/flows", phone.choices),
        web.get("/phone/socket", phone.socket),
    ]


async def _page(_: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)


class _Phone:
    def __init__(
        self,
        answer: CallHandler,
        flows: Callable[[], Sequence[FlowChoice]],
        refused: RefusedValues,
        new_id: Callable[[], str],
        limits: PhoneLimits,
    ) -> None:
        self._answer, self._flows, self._refused, self._new_id, self._limits = answer, flows, refused, new_id, limits
        self._sessions: set[asyncio.Task[None]] = set()

    async def choices(self, _: web.Request) -> web.Response:
        return web.json_response({"flows": [asdict(flow) for flow in self._flows()]})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            heartbeat=self._limits.heartbeat_s,
            timeout=self._limits.closing_s,
            max_msg_size=FRAME_LIMIT_BYTES,
            compress=False,
        )
        await socket.prepare(request)
        try:
            call = await self._receive_call(socket)
        except wire.WireError as fault:
            await self._close(request, socket, wire.ErrorMessage(reason=fault.reason), fault.code)
            return socket
        if call is not None:
            stream = BrowserStream(socket, self._limits)
            stream.send(wire.AnsweredMessage(call=call.id))
            await self._run_call(request, socket, BrowserCallLeg(call, stream))
        return socket

    async def _receive_call(self, socket: web.WebSocketResponse) -> Call | None:
        """Return the requested call, or None if the client has left."""
        try:
            message = await socket.receive(timeout=self._limits.first_message_s)
        except TimeoutError:
            raise wire.WireError("no call message received in time", WSCloseCode.POLICY_VIOLATION) from None
        if message.type is WSMsgType.BINARY:
            raise wire.WireError("audio before the call message", WSCloseCode.POLICY_VIOLATION)
        if message.type is not WSMsgType.TEXT:
            return None
        request = wire.decode_client(message.data)
        if not isinstance(request, wire.CallMessage):
            raise wire.WireError(f"{request.type} before the call message", WSCloseCode.POLICY_VIOLATION)
        if not any(request.flow == flow.name and request.language in flow.languages for flow in self._flows()):
            raise wire.WireError("no such flow in this language", WSCloseCode.POLICY_VIOLATION)
        for name, reason in self._refused(request.flow, request.variables).items():
            raise wire.WireError(f"call.variables.{name}: {reason}", WSCloseCode.POLICY_VIOLATION)
        return Call(
            id=self._new_id(),
            network="browser",
            direction="inbound",
            caller="",
            called="",
            flow=request.flow,
            language=request.language,
            variables=request.variables,
        )

    async def _run_call(self, request: web.Request, socket: web.WebSocketResponse, leg: BrowserCallLeg) -> None:
        session = asyncio.create_task(self._run_session(leg))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)
        try:
            closed = await leg.media.run()
            if fault := leg.media.fault:
                await self._close(request, socket, wire.ErrorMessage(reason=fault.reason), fault.code)
            else:
                await self._close(request, socket, wire.EndedMessage(by=closed.by, cause=closed.cause), WSCloseCode.OK)
            await asyncio.shield(session)
        except asyncio.CancelledError:
            leg.media.end(CONNECTION_LOST if request.transport is None else MediaClosed(by="us", cause="failed"))
            raise

    async def _run_session(self, leg: BrowserCallLeg) -> None:
        try:
            await self._answer(leg)
        except Exception:
            log.exception("call %s: session failed", leg.call.id)
            leg.media.end(MediaClosed(by="us", cause="failed"))
        await leg.hang_up()

    async def _close(
        self, request: web.Request, socket: web.WebSocketResponse, last: wire.WireMessage, code: WSCloseCode
    ) -> None:
        with suppress(ConnectionError):
            try:
                async with asyncio.timeout(self._limits.closing_s):
                    await send(socket, last)
                    await socket.close(code=code)
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
