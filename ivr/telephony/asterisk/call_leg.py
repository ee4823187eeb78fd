"""One answered call through Asterisk. Must not know: flows, recognisers, how the call came about."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Final

from ivr.events import EndedBy, Value
from ivr.lifecycle import AnsweringParty
from ivr.telephony.asterisk import causes, names
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.channels import LEFT_STASIS, NORMAL, ChannelTracker, TrackedChannel
from ivr.telephony.asterisk.held_caller import AsteriskHeldCaller
from ivr.telephony.asterisk.site import Site
from ivr.telephony.asterisk.stream import AsteriskStream
from ivr.telephony.asterisk.voice_bridge import VoiceBridge
from ivr.telephony.port import Call, HoldWork, TransferRefused
from ivr.transcript import Speaker

log = logging.getLogger(__name__)

CAUSE_TIMEOUT_S: Final = 1.0
"""Time allowed for Asterisk to report why a call ended."""


class AsteriskCallLeg:
    """Implements ivr.telephony.port.CallLeg."""

    def __init__(
        self, call: Call, ari: Ari, tracker: ChannelTracker, site: Site, party: TrackedChannel, voice: VoiceBridge
    ) -> None:
        self._call = call
        self._ari = ari
        self._tracker = tracker
        self._site = site
        self._party = party
        self._voice = voice
        self._hung_up_by_us = False
        party.on_key = voice.stream.push_key
        voice.stream.listening = True
        self._watcher = asyncio.create_task(self._watch())

    @property
    def call(self) -> Call:
        """See CallLeg."""
        return self._call

    @property
    def media(self) -> AsteriskStream:
        """See CallLeg."""
        return self._voice.stream

    @property
    def answered_by(self) -> AnsweringParty:
        """See CallLeg; always unknown."""
        return "unknown"

    def show(self, who: Speaker, text: str, detail: Mapping[str, Value | float]) -> None:
        """See CallLeg; a telephone has no screen."""

    @property
    def over(self) -> asyncio.Task[None]:
        """Task that is done once the call is over and all its resources in Asterisk are released."""
        return self._watcher

    async def hang_up(self) -> None:
        """See CallLeg."""
        if not self._party.gone.done():
            self._hung_up_by_us = True
            with contextlib.suppress(AriRefused, AriUnreachable):
                await self._ari.hang_up(self._party.channel)
            self._party.end(NORMAL)
        await asyncio.shield(self._watcher)

    async def release(self) -> bool:
        """See CallLeg; without another node, callers go to a person."""
        try:
            nodes = [app for app in await self._ari.applications() if names.is_other_node(self._ari.app, app)]
        except (AriRefused, AriUnreachable):
            return False
        if self._call.direction == "outbound" and not nodes:
            return False
        self._voice.released = True
        self._party.end(LEFT_STASIS)
        await asyncio.shield(self._watcher)
        return True

    def can_reach(self, name: str) -> bool:
        """See CallLeg."""
        return name in self._site.targets or name in self._site.phones

    async def hold(self, work: HoldWork, *, overhear: bool = False) -> EndedBy:
        """See CallLeg."""
        held = AsteriskHeldCaller(self._ari, self._tracker, self._site, self._party, self._voice, overhear)
        try:
            return await held.hold_during(work)
        except (AriRefused, AriUnreachable) as error:
            await asyncio.wait((self._party.gone,), timeout=CAUSE_TIMEOUT_S)
            if self._party.gone.done():
                return "caller"
            log.error("call %s: the caller could not be held: %s", self._call.id, error)
            raise TransferRefused("unavailable") from error

    async def _watch(self) -> None:
        broken = asyncio.create_task(self.media.broken.wait())
        await asyncio.wait((self._party.gone, broken), return_when=asyncio.FIRST_COMPLETED)
        broken.cancel()
        by, cause = await self._end_reason()
        if await self._goes_on():
            self._voice.released = True
            self.media.release()
        else:
            self.media.close(by, cause)
        await self._voice.close()
        self._tracker.forget(self._party)

    async def _goes_on(self) -> bool:
        """Return whether the party has left us alone: another node goes on with the call, or a person."""
        if self._hung_up_by_us or self._party.gone.result() != LEFT_STASIS:
            return False
        try:
            return await self._ari.channel_exists(self._party.channel)
        except AriUnreachable:
            return False

    async def _end_reason(self) -> tuple[EndedBy, str]:
        """Return the party that ended the call, and the cause."""
        if self._hung_up_by_us:
            return "us", "normal"
        if not self._party.gone.done():
            try:
                exists = await self._ari.channel_exists(self._party.channel)
            except AriUnreachable:
                self._party.end(LEFT_STASIS)
                return "network", "failed"
            await asyncio.wait((self._party.gone,), timeout=CAUSE_TIMEOUT_S)
            if not self._party.gone.done():
                self._party.end(LEFT_STASIS if exists else NORMAL)
        cause = self._party.gone.result()
        if cause == LEFT_STASIS:
            return "network", "media_lost"
        name = causes.hangup_cause_after_answer(cause)
        return ("caller" if name == "normal" else "network"), name
