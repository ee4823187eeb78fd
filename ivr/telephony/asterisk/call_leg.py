"""One answered call through Asterisk. Must not know: flows, recognisers, how the call came about."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from ivr.events import EndedBy
from ivr.telephony.asterisk import causes
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.channels import LEFT_STASIS, NORMAL, ChannelTracker, TrackedChannel
from ivr.telephony.asterisk.held_caller import AsteriskHeldCaller
from ivr.telephony.asterisk.site import Site
from ivr.telephony.asterisk.stream import AsteriskStream
from ivr.telephony.asterisk.transfer import hand_over
from ivr.telephony.asterisk.voice_bridge import VoiceBridge
from ivr.telephony.port import Call, CallDistributor, TransferRefused

log = logging.getLogger(__name__)

CAUSE_TIMEOUT_S: Final = 1.0
"""Time allowed for Asterisk to report why a call ended."""


class AsteriskCallLeg:
    """Implements ivr.telephony.port.CallLeg.

    Args:
        site: its `targets` are the dial strings of transfers.
        announce: (text, language) -> audio, synthesises the whisper of a transfer (8 kHz, 16-bit).
        acd: takes the callers of its lines, even if such a target also has a dial string.
    """

    def __init__(
        self,
        call: Call,
        ari: Ari,
        tracker: ChannelTracker,
        party: TrackedChannel,
        voice: VoiceBridge,
        site: Site,
        announce: Callable[[str, str], bytes] | None,
        acd: CallDistributor | None,
    ) -> None:
        self._call = call
        self._ari = ari
        self._tracker = tracker
        self._party = party
        self._voice = voice
        self._site = site
        self._announce = announce
        self._acd = acd
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

    def can_reach(self, target: str) -> bool:
        """See CallLeg."""
        return target in self._site.targets or (self._acd is not None and self._acd.has_roster(target))

    async def transfer(
        self, target: str, whisper: str, *, caller_audio: bytes = b"", overhear: bool = False
    ) -> EndedBy:
        """See CallLeg."""
        numbers = self._site.trunk_numbers
        held = AsteriskHeldCaller(self._ari, self._tracker, self._party, self._voice, numbers, overhear)
        if self._acd and self._acd.has_roster(target):
            work = partial(self._acd.hand_over, self._call, target, whisper, held, caller_audio)
        elif endpoint := self._site.targets.get(target):
            work = partial(self._hand_over, endpoint, whisper, caller_audio, held)
        else:
            raise TransferRefused("unavailable")
        try:
            return await held.hold_during(work)
        except (AriRefused, AriUnreachable) as error:
            await asyncio.wait((self._party.gone,), timeout=CAUSE_TIMEOUT_S)
            if self._party.gone.done():
                return "caller"
            log.error("call %s: transfer to %s failed: %s", self._call.id, target, error)
            raise TransferRefused("unavailable") from error

    async def _hand_over(self, endpoint: str, whisper: str, caller_audio: bytes, held: AsteriskHeldCaller) -> None:
        words = b""
        if whisper and self._announce:
            words = await asyncio.to_thread(self._announce, whisper, self._call.language)
        await hand_over(held, endpoint, self._call.caller, words + caller_audio)

    async def _watch(self) -> None:
        broken = asyncio.create_task(self.media.broken.wait())
        await asyncio.wait((self._party.gone, broken), return_when=asyncio.FIRST_COMPLETED)
        broken.cancel()
        by, cause = await self._end_reason()
        self.media.close(by, cause)
        await self._voice.close()
        self._tracker.forget(self._party)

    async def _end_reason(self) -> tuple[EndedBy, str]:
        """Return the party that ended the call, and the cause."""
        if self._hung_up_by_us:
            return "us", "normal"
        if not self._party.gone.done():
            try:
                exists = await self._ari.channel_exists(self._party.channel)
            except AriUnreachable:
                return "network", "failed"
            await asyncio.wait((self._party.gone,), timeout=CAUSE_TIMEOUT_S)
            if not self._party.gone.done():
                self._party.end(LEFT_STASIS if exists else NORMAL)
        cause = self._party.gone.result()
        if cause == LEFT_STASIS:
            return "network", "media_lost"
        name = causes.hangup_cause_after_answer(cause)
        return ("caller" if name == "normal" else "network"), name
