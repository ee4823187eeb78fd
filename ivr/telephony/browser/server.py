"""The network of browser phones: their page and their sockets as aiohttp routes.

Must not know: flows, sessions (`answer` is passed in), access control (ivr/console/access.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
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
from ivr.telephony.port import Call, CallHandler, CallLeg, NetworkState, Unanswered
from ivr.telephony.slots import AtCapacity, CallSlot, CallSlots

PAGE = Path(__file__).parent / "page"
FRAME_LIMIT_BYTES = 65_536
"""Maximum size of a WebSocket message; aiohttp closes the socket with 1009 without reading a larger one."""
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}

log = logging.getLogger(__name__)

NAME = "browser"

RefusedValues = Callable[[str, Mapping[str, Value]], Mapping[str, str]]
"""A flow and the values given for its variables → the reason for each one that the flow refuses, by name."""


@dataclass(frozen=True, slots=True)
class FlowChoice:
    """A flow offered by the page: its name, its title per language, its languages (BCP 47)."""

    name: str
    title: Mapping[str, str]
    languages: tuple[str, ...]


class BrowserNetwork:
    """The calls of browser phones. Implements ivr.telephony.port.Network.

    A session outlives its socket: if the request handler is cancelled, the session still receives MediaClosed and ends.

    Args:
        refused: called with the values that a page gives for the variables of a flow.
        flows: called again for each page and each call, so a reloaded flow file takes effect at once.
    """

    def __init__(
        self,
        answer: CallHandler,
        flows: Callable[[], Sequence[FlowChoice]],
        refused: RefusedValues,
        capacity: int = 100,
        new_id: Callable[[], str] = lambda: uuid4().hex,
        limits: PhoneLimits | None = None,
    ) -> None:
        self._answer, self._flows, self._refused, self._new_id = answer, flows, refused, new_id
        self._limits = limits or PhoneLimits()
        self.slots = CallSlots(capacity)
        self._sessions: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """See Network."""
        return NAME

    @property
    def places_calls(self) -> bool:
        """See Network; a browser cannot be called."""
        return False

    @property
    def known_phones(self) -> Collection[str]:
        """See Network; browsers do not register."""
        return ()

    @property
    def state(self) -> NetworkState:
        """See Network."""
        return NetworkState("", self.slots.taken)

    def routes(self) -> list[web.AbstractRouteDef]:
        """See Network; all are under /phone."""
        return [
            web.get("/phone", self._page),
            web.static("/phone/static", PAGE),
            web.get("/phone/flows", self._choices),
            web.get("/phone/socket", self._socket),
        ]

    async def run(self) -> None:
        """See Network; calls arrive through the routes."""
        await asyncio.Event().wait()

    async def dial(self, call: Call, slot: CallSlot) -> CallLeg:
        """See Network.

        Raises:
            Unanswered: always.
        """
        slot.release()
        raise Unanswered("unreachable", rang=False)

    async def carried(self) -> frozenset[str]:
        """See Network; a browser's call ends with its node."""
        return frozenset()

    async def free_lines(self) -> int | None:
        """See Network; no calls are placed."""
        return 0

    async def phones(self) -> frozenset[str] | None:
        """See Network; browsers do not register."""
        return None

    async def _page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)

    async def _choices(self, _: web.Request) -> web.Response:
        return web.json_response({"flows": [asdict(flow) for flow in self._flows()]})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            heartbeat=self._limits.heartbeat_s,
            timeout=self._limits.closing_s,
            max_msg_size=FRAME_LIMIT_BYTES,
            compress=False,
        )
        await socket.prepare(request)
        try:
            call = await self._receive_call(socket)
            if call is None:
                return socket
            slot = self._take_slot()
        except wire.WireError as fault:
            await self._close(request, socket, wire.ErrorMessage(reason=fault.reason), fault.code)
            return socket
        stream = BrowserStream(socket, self._limits)
        stream.send(wire.AnsweredMessage(call=call.id))
        await self._run_call(request, socket, BrowserCallLeg(call, stream), slot)
        return socket

    def _take_slot(self) -> CallSlot:
        try:
            return self.slots.take()
        except AtCapacity as full:
            raise wire.WireError(str(full), WSCloseCode.TRY_AGAIN_LATER) from full

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
            network=NAME,
            direction="inbound",
            caller="",
            called="",
            flow=request.flow,
            language=request.language,
            variables=request.variables,
        )

    async def _run_call(
        self, request: web.Request, socket: web.WebSocketResponse, leg: BrowserCallLeg, slot: CallSlot
    ) -> None:
        session = asyncio.create_task(self._run_session(leg))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)
        session.add_done_callback(slot.release)
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
