"""Calls through one Asterisk: takes those that arrive, places those that are asked for, leaves nothing behind.

Must not know: flows (a name is passed on), recognisers, records.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from aiohttp import web

from ivr.telephony.asterisk import causes
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.ari_events import (
    ApplicationReplaced,
    AriConnected,
    AriDisconnected,
    AriEvent,
    StasisStart,
)
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.asterisk.channels import ChannelEnded, ChannelTracker, TrackedChannel
from ivr.telephony.asterisk.dialling import trunk_number
from ivr.telephony.asterisk.event_socket import EventSource, IncomingEventSocket, OutgoingEventSocket, SocketLogin
from ivr.telephony.asterisk.site import Secrets, Site
from ivr.telephony.asterisk.stream import MediaSockets
from ivr.telephony.asterisk.sweep import sweep
from ivr.telephony.asterisk.voice_bridge import VoiceBridge
from ivr.telephony.port import Call, CallDistributor, Unanswered

log = logging.getLogger(__name__)

DIAL_RING_S: Final = 30
ANSWER_GRACE_S: Final = 10
"""Asterisk ends the ringing itself; when it says nothing for so long after that, it never will."""
SWEEP_INTERVAL_S: Final = 30.0
ATTACH_RETRY_S: Final = 1.0
CAUSE_NO_ROUTE: Final = 3
CallHandler = Callable[[AsteriskCallLeg], Awaitable[None]]


class Asterisk:
    """The calls of one Asterisk.

    Args:
        ari: its REST interface, open.
        answer: leads one call that arrived; the call is over when it returns.
        capacity: how many calls may be led at a time; what is above rings on in the dialplan, then goes to a person.
            Set it to 0 to drain: callers go to a person at once.
        announce: (words, language) -> audio, for what is whispered to whoever takes a transfer; may block.
        desk: finds somebody for the callers of lines that have people of their own.
    """

    def __init__(
        self,
        site: Site,
        secrets: Secrets,
        ari: Ari,
        answer: CallHandler,
        capacity: int = 100,
        announce: Callable[[str, str], bytes] | None = None,
        acd: CallDistributor | None = None,
    ) -> None:
        self._site = site
        self._ari = ari
        self._answer = answer
        self._announce = announce
        self._acd = acd
        self.capacity = capacity
        self.connected = asyncio.Event()
        """Whether calls can arrive and be placed just now."""
        self._tracker = ChannelTracker()
        self._sockets = MediaSockets()
        self._login = SocketLogin(site.app, secrets.media)
        self._events: EventSource = OutgoingEventSocket(ari)
        if site.events == "asterisk_connects":
            self._events = IncomingEventSocket(self._login)
        self._tasks: set[asyncio.Task[None]] = set()
        self._attaching: asyncio.Task[None] | None = None
        self.active_calls = 0
        """How many calls are being led or placed."""

    def routes(self) -> list[web.RouteDef]:
        """What Asterisk connects to (see websocket_client.conf); to be added to the service's web server."""
        found = [web.get("/asterisk/media", self._serve_media)]
        if isinstance(self._events, IncomingEventSocket):
            found.append(web.get("/asterisk/events", self._events.handle))
        return found

    async def _serve_media(self, request: web.Request) -> web.WebSocketResponse:
        self._login.check(request)
        return await self._sockets.handle(request)

    async def phones(self) -> frozenset[str]:
        """The names of the phones that can be rung now.

        Raises:
            AriRefused, AriUnreachable: Asterisk does not say.
        """
        return await self._ari.phones()

    async def run(self) -> None:
        """Take calls until cancelled; calls being led are then cancelled too."""
        self._spawn(self._sweep_periodically())
        try:
            async for event in self._events.events():
                self._dispatch(event)
        finally:
            self.connected.clear()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _dispatch(self, event: AriEvent) -> None:
        match event:
            case AriConnected():
                self._attach()
            case AriDisconnected():
                self._detach()
            case ApplicationReplaced():
                log.error("another client has connected as ARI application %s and gets its calls", self._site.app)
                self._detach()
            case _ if self._tracker.handle(event):
                pass
            case StasisStart(args=("line", called, rings)):
                self._spawn(self._handle_call(event.channel, event.caller, called, int(rings)))
            case StasisStart():
                self._spawn(self._ari.hang_up(event.channel))
            case _:
                pass

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a call ended by a fault of ours", exc_info=error)

    def _attach(self) -> None:
        self._detach()
        self._attaching = self._spawn(self._finish_attaching())

    def _detach(self) -> None:
        self.connected.clear()
        if self._attaching:
            self._attaching.cancel()

    async def _finish_attaching(self) -> None:
        while not self.connected.is_set():
            try:
                await self._ari.filter_events()
                await sweep(self._ari, self._tracker)
                self.connected.set()
            except (AriRefused, AriUnreachable) as error:
                log.error("Asterisk has connected, but: %s", error)
                await asyncio.sleep(ATTACH_RETRY_S)

    async def _sweep_periodically(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            with contextlib.suppress(AriRefused, AriUnreachable):
                await sweep(self._ari, self._tracker)

    # -- calls that arrive -----------------------------------------------------------------------------------------

    async def _handle_call(self, channel: str, caller: str, called: str, rings: int) -> None:
        served = self._site.lines.get(called)
        if served is None or self.active_calls >= self.capacity:
            await self._send_to_fallback(channel, "full" if served and self.capacity else "down")
            return
        call = Call(
            uuid.uuid4().hex, "asterisk", "inbound", caller, called, served.flow, served.language, waited_rings=rings
        )
        party = self._tracker.expect(channel)
        party.created = True
        party.entered.set_result(None)
        leg = await self._accept(call, party)
        if leg is not None:
            try:
                await self._answer(leg)
            finally:
                await leg.hang_up()

    async def _accept(self, call: Call, party: TrackedChannel) -> AsteriskCallLeg | None:
        self.active_calls += 1
        voice = VoiceBridge(self._ari, self._tracker, self._sockets, call.id)
        try:
            await voice.open(party.channel, "inbound")
            await voice.join(party)
            await self._ari.answer(party.channel)
        except (AriRefused, AriUnreachable, ChannelEnded, TimeoutError) as error:
            if not party.gone.done():
                log.error("a call could not be taken: %r", error)
                await voice.disarm_failover()
                await self._send_to_fallback(party.channel, "down")
            await self._abandon(voice, party)
            return None
        return self._make_leg(call, party, voice)

    async def _send_to_fallback(self, channel: str, why: str) -> None:
        with contextlib.suppress(AriRefused, AriUnreachable):
            await self._ari.continue_in_dialplan(channel, f"{self._site.app}-fallback", why)

    # -- calls that we place ---------------------------------------------------------------------------------------

    async def dial(self, call: Call, ring_s: int = DIAL_RING_S) -> AsteriskCallLeg:
        """Call `call.called` (a phone of the site, else over the trunk), with `call.caller` as the number shown.

        The leg is led by whoever called this, who also hangs it up.

        Raises:
            Unanswered: why, and whether it rang.
        """
        if not self.connected.is_set():
            raise Unanswered("failed", rang=False)
        self.active_calls += 1
        party = self._tracker.expect(f"{self._ari.app}.party.{call.id}")
        voice = VoiceBridge(self._ari, self._tracker, self._sockets, call.id)
        try:
            await voice.open(party.channel, "outbound")
            await self._ring(call, party, ring_s)
            await voice.join(party)
        except (AriRefused, AriUnreachable, TimeoutError) as error:
            log.error("a call could not be placed: %s", error)
            await self._abandon(voice, party)
            raise Unanswered("failed", rang=party.rang) from error
        except ChannelEnded as ended:
            await self._abandon(voice, party)
            raise Unanswered(causes.hangup_cause(ended.cause), rang=party.rang) from ended
        except asyncio.CancelledError:
            await self._abandon(voice, party)
            raise
        return self._make_leg(call, party, voice)

    async def _ring(self, call: Call, party: TrackedChannel, ring_s: int) -> None:
        number = call.called
        endpoint = f"PJSIP/{number}" if number in self._site.phones else f"PJSIP/{trunk_number(number)}@trunk"
        try:
            await self._ari.originate(party.channel, endpoint, call.caller, ring_s)
        except AriRefused as refused:
            raise ChannelEnded(CAUSE_NO_ROUTE) from refused
        party.created = True
        async with asyncio.timeout(ring_s + ANSWER_GRACE_S):
            await party.wait_entered()

    # -- both ------------------------------------------------------------------------------------------------------

    def _make_leg(self, call: Call, party: TrackedChannel, voice: VoiceBridge) -> AsteriskCallLeg:
        leg = AsteriskCallLeg(
            call, self._ari, self._tracker, party, voice, self._site.targets, self._announce, self._acd
        )
        leg.over.add_done_callback(self._release_slot)
        return leg

    async def _abandon(self, voice: VoiceBridge, party: TrackedChannel) -> None:
        self._release_slot()
        with contextlib.suppress(AriUnreachable):
            if party.channel.startswith(f"{self._ari.app}."):
                await self._ari.hang_up(party.channel)
        await voice.close()
        self._tracker.forget(party)

    def _release_slot(self, _: object = None) -> None:
        self.active_calls -= 1
