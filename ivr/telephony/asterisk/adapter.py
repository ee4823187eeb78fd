"""Calls through one Asterisk: accepts inbound calls, places outbound calls, cleans up after both.

Must not know: flows (only their names are passed on), recognisers, records.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from ivr.lifecycle import Direction
from ivr.phone_number import UnreadableNumber
from ivr.telephony.asterisk import causes, names
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.ari_events import (
    ApplicationReplaced,
    AriConnected,
    AriDisconnected,
    AriEvent,
    CallBroadcast,
    StasisStart,
)
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.asterisk.channels import ChannelEnded, ChannelTracker, TrackedChannel
from ivr.telephony.asterisk.dialling import TRUNK, DialledNumber, calling_number, dialled_number, read_caller
from ivr.telephony.asterisk.event_socket import EventSocket
from ivr.telephony.asterisk.resumed_call import AsteriskResumedCall
from ivr.telephony.asterisk.site import Site
from ivr.telephony.asterisk.sweep import Sweeper
from ivr.telephony.asterisk.voice_bridge import VoiceBridge
from ivr.telephony.port import Call, CallHandler, NetworkState, NeverBegun, NotResumable, ResumeHandler, Unanswered
from ivr.telephony.slots import AtCapacity, CallSlot, CallSlots

log = logging.getLogger(__name__)

DIAL_RING_S: Final = 30
ANSWER_GRACE_S: Final = 10
"""Extra time beyond the ring timeout that Asterisk itself enforces, before an attempt counts as failed."""
EXTENSION_PAUSE_MS: Final = 2000
"""Time that a switchboard is given after the answer until the extension is dialled."""
SWEEP_INTERVAL_S: Final = 5.0
SWEEP_RETRY_S: Final = 2.0
"""Pause after a sweep that failed unexpectedly."""
FULL_DELAY_S: Final = 0.3
"""How long a node that cannot answer leaves a call to others before it lets the caller wait."""
ATTACH_RETRY_S: Final = 1.0
NAME: Final = "asterisk"
CAUSE_NO_ROUTE: Final = 3
"""Q.850: no route to destination."""
CAUSE_NO_CIRCUIT: Final = 34
"""Q.850: no circuit available."""


class Asterisk:
    """The calls of one Asterisk. Implements ivr.telephony.port.Network.

    Args:
        ari: an open client of its REST interface.
        answer: handles one inbound call; the leg is hung up when it returns.
        resume: goes on with one call that has lost its node; the leg is hung up when it returns.
        capacity: maximum concurrent calls. Further callers hear ringing in the dialplan, then go to a person. Set
            `slots.capacity` to 0 to drain: callers are left to the other nodes, and go to a person if there are none.
        accepting: returns whether calls can be answered now; if not, callers hear ringing as at full capacity.
    """

    def __init__(
        self,
        site: Site,
        ari: Ari,
        answer: CallHandler,
        resume: ResumeHandler,
        capacity: int = 100,
        accepting: Callable[[], bool] = lambda: True,
    ) -> None:
        self._site = site
        self._accepting = accepting
        self._ari = ari
        self._answer, self._resume = answer, resume
        self.slots = CallSlots(capacity)
        self.connected = asyncio.Event()
        """Set while calls can be received and placed."""
        self._tracker = ChannelTracker()
        self._sweeper = Sweeper(ari, self._tracker)
        self._events = EventSocket(ari)
        self._tasks: set[asyncio.Task[None]] = set()
        self._attaching: asyncio.Task[None] | None = None
        self._sweep_fault = ""

    @property
    def known_phones(self) -> Collection[str]:
        """See Network; the phones of the site."""
        return self._site.phones

    @property
    def name(self) -> str:
        """See Network."""
        return NAME

    @property
    def places_calls(self) -> bool:
        """See Network."""
        return True

    @property
    def state(self) -> NetworkState:
        """See Network."""
        trouble = self._sweep_fault if self.connected.is_set() else "Asterisk is not connected"
        return NetworkState(trouble, self.slots.taken)

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """See Network; Asterisk opens no connection to us."""
        return ()

    async def phones(self) -> frozenset[str]:
        """See Network; a phone is reachable if it is registered and, if qualified by Asterisk, responds."""
        return await self._ari.phones()

    async def free_lines(self) -> int | None:
        """See Network; counts the calls of all nodes and those that Asterisk handles by itself."""
        trunk = self._site.trunk
        if trunk is None or trunk.lines is None:
            return None
        return max(0, trunk.lines - await self._ari.calls_on(TRUNK))

    async def carried(self) -> frozenset[str]:
        """See Network."""
        owners = {
            names.owner(self._ari.app, bridge)
            for bridge, members in (await self._ari.bridges()).items()
            if any(not names.is_media(self._ari.app, member) for member in members)
        }
        return frozenset(owner.call for owner in owners if owner)

    async def run(self) -> None:
        """Run until cancelled: accept inbound calls. Cancelling also cancels the calls in progress."""
        self._spawn(self._sweep_periodically())
        try:
            async for event in self._events.events():
                try:
                    self._dispatch(event)
                except Exception:
                    log.exception("an event of Asterisk is skipped: %s", type(event).__name__)
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
                log.error("another client has taken over ARI application %s; no calls arrive here", self._ari.app)
                self._detach()
            case CallBroadcast(channel, ("line", called, _)) if called in self._site.lines and self.slots.capacity:
                self._spawn(self._claim(channel))
            case CallBroadcast(channel, ("resume" | "talked", _, _)) if not self.slots.full:
                self._spawn(self._claim(channel))
            case StasisStart(channel, ("resume" | "talked" as how, "inbound" | "outbound" as direction, call)):
                self._spawn(self._handle_resumed(channel, how, direction, call))
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
            log.error("call task failed", exc_info=error)

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
                await self._sweeper.sweep()
                self.connected.set()
            except (AriRefused, AriUnreachable) as error:
                log.error("Asterisk is connected but not usable yet, retrying in %s s: %s", ATTACH_RETRY_S, error)
                if isinstance(error, AriRefused) and error.status == 404:
                    # Asterisk forgets the application when an earlier socket of ours ends after this one has begun.
                    await self._events.renew()
                    return
                await asyncio.sleep(ATTACH_RETRY_S)

    async def _sweep_periodically(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_RETRY_S if self._sweep_fault else SWEEP_INTERVAL_S)
            await self.connected.wait()
            try:
                await self._sweeper.sweep()
                self._sweep_fault = ""
            except (AriRefused, AriUnreachable):
                continue
            except Exception as error:
                self._sweep_fault = f"the sweep of orphaned channels failed: {type(error).__name__}"
                log.exception("the sweep of orphaned channels failed; retrying")

    # -- inbound calls ---------------------------------------------------------------------------------------------

    async def _handle_call(self, channel: str, caller: str, called: str, rings: int) -> None:
        line = self._site.lines.get(called)
        if line is None:
            await self._return(channel, "fallback", "down")
            return
        if not self._accepting():
            await self._send_back(channel)
            return
        try:
            slot = self.slots.take()
        except AtCapacity:
            await self._send_back(channel)
            return
        number = read_caller(caller, self._site)
        call = Call(
            uuid.uuid4().hex,
            NAME,
            "inbound",
            number,
            called,
            line.flow,
            line.language,
            waited_rings=rings,
            external_id=channel,
        )
        party = self._tracker.expect(channel)
        party.created = True
        party.entered.set_result(None)
        leg = await self._accept(call, party, slot)
        if leg is not None:
            try:
                await self._answer(leg)
            finally:
                await leg.hang_up()

    async def _accept(self, call: Call, party: TrackedChannel, slot: CallSlot) -> AsteriskCallLeg | None:
        voice = VoiceBridge(self._ari, self._tracker, call.id)
        try:
            await voice.open(party.channel, "inbound")
            await voice.join(party)
            await self._ari.answer(party.channel)
        except (AriRefused, AriUnreachable, ChannelEnded, TimeoutError) as error:
            if not party.gone.done():
                log.error("call %s could not be accepted, sending the caller to a person: %r", call.id, error)
                await voice.disarm_failover()
                await self._return(party.channel, "fallback", "down")
            await self._abandon(voice, party, slot)
            return None
        return self._make_leg(call, party, voice, slot)

    async def _handle_resumed(self, channel: str, how: str, direction: Direction, call: str) -> None:
        try:
            slot = self.slots.take()
        except AtCapacity:
            await self._return(channel, f"{how}-{direction}", call)
            return
        resumed = AsteriskResumedCall(
            self._ari,
            self._tracker,
            self._site,
            channel,
            call,
            slot,
            direction=direction,
            transferred=how == "talked",
        )
        try:
            await self._resume(resumed)
        except NeverBegun as reason:
            log.warning("call %s is offered as a new one: %s", call, reason)
            await self._return(channel, *(("line", "take") if direction == "inbound" else ("fallback", "let-go")))
        except NotResumable as reason:
            log.error("call %s cannot be resumed here: %s", call, reason)
            await self._return(channel, "fallback", "lost" if direction == "inbound" else "let-go")
        finally:
            await resumed.close()
            slot.release()

    async def _claim(self, channel: str) -> None:
        """Claim a call that is offered to all nodes; if it cannot be answered now, only if no other node does."""
        if self.slots.full or not self._accepting():
            await asyncio.sleep(FULL_DELAY_S)
        if self.connected.is_set():
            with contextlib.suppress(AriRefused, AriUnreachable):
                await self._ari.claim(channel)

    async def _send_back(self, channel: str) -> None:
        """Let a caller wait who cannot be answered now; while draining, offer the call to the other nodes again."""
        await self._return(channel, *(("fallback", "full") if self.slots.capacity else ("line", "take")))

    async def _return(self, channel: str, context: str, extension: str) -> None:
        """Return a caller to the dialplan."""
        with contextlib.suppress(AriRefused, AriUnreachable):
            await self._ari.continue_in_dialplan(channel, names.context(self._ari.app, context), extension)

    # -- outbound calls --------------------------------------------------------------------------------------------

    async def dial(self, call: Call, slot: CallSlot, ring_s: int = DIAL_RING_S) -> AsteriskCallLeg:
        """See Network; `call.called` is a phone of the site or a number to dial over the trunk.

        An extension is dialled EXTENSION_PAUSE_MS after the answer, and counts as answered from then on.
        """
        if not self.connected.is_set():
            slot.release()
            raise Unanswered("failed", rang=False)
        try:
            target = dialled_number(call.called, self._site)
        except UnreadableNumber as unreadable:
            slot.release()
            raise Unanswered("unreachable", rang=False) from unreadable
        voice = VoiceBridge(self._ari, self._tracker, call.id)
        party = self._tracker.expect(voice.name("party"))
        try:
            await voice.open(party.channel, "outbound", dialling=True)
            await self._ring(call, target, party, ring_s)
            if target.keys:
                await self._ari.send_keys(party.channel, target.keys, EXTENSION_PAUSE_MS)
            await voice.join(party)
            await voice.arm_failover()
        except (AriRefused, AriUnreachable, TimeoutError) as error:
            log.error("call %s could not be placed: %s", call.id, error or type(error).__name__)
            await self._abandon(voice, party, slot)
            raise Unanswered("failed", rang=party.rang) from error
        except ChannelEnded as ended:
            await self._abandon(voice, party, slot)
            raise Unanswered(causes.hangup_cause(ended.cause, ended.sip_status), rang=party.rang) from ended
        except asyncio.CancelledError:
            await self._abandon(voice, party, slot)
            raise
        return self._make_leg(replace(call, external_id=party.channel), party, voice, slot)

    async def _ring(self, call: Call, target: DialledNumber, party: TrackedChannel, ring_s: int) -> None:
        shown = calling_number(call.caller, self._site.trunk_numbers)
        if call.called not in self._site.phones and await self.free_lines() == 0:
            raise ChannelEnded(CAUSE_NO_CIRCUIT)
        try:
            await self._ari.originate(party.channel, target.endpoint, shown, ring_s)
        except AriRefused as refused:
            raise ChannelEnded(CAUSE_NO_ROUTE) from refused
        party.created = True
        async with asyncio.timeout(ring_s + ANSWER_GRACE_S):
            await party.wait_entered()

    # -- both ------------------------------------------------------------------------------------------------------

    def _make_leg(self, call: Call, party: TrackedChannel, voice: VoiceBridge, slot: CallSlot) -> AsteriskCallLeg:
        leg = AsteriskCallLeg(call, self._ari, self._tracker, self._site, party, voice)
        leg.over.add_done_callback(slot.release)
        return leg

    async def _abandon(self, voice: VoiceBridge, party: TrackedChannel, slot: CallSlot) -> None:
        slot.release()
        with contextlib.suppress(AriUnreachable):
            if names.owner(self._ari.app, party.channel):
                await self._ari.hang_up(party.channel)
        await voice.close()
        self._tracker.forget(party)
