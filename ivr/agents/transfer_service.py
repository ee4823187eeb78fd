"""Transfers of callers: to an agent of a line that has a roster, else to a transfer target of the site.

Must not know: telephone networks, flows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from ivr.agents.acd_service import AcdService
from ivr.events import EndedBy
from ivr.telephony.port import CallLeg, HeldCaller, TransferRefused

RING_S: Final = 20
"""Seconds for which a transfer target is rung."""


class TransferService:
    """Transfers the callers of one node, whatever their network.

    Args:
        acd: takes the callers of its lines, even if the site has a target of the same name.
        announce: (text, language) -> audio (8 kHz, 16-bit), synthesises the whisper to a target; may block.
    """

    def __init__(
        self, acd: AcdService | None = None, announce: Callable[[str, str], bytes] = lambda text, language: b""
    ) -> None:
        self._acd, self._announce = acd, announce

    def can_reach(self, leg: CallLeg, target: str) -> bool:
        """Return whether the target exists."""
        return self._has_roster(target) or leg.can_reach(target)

    async def transfer(
        self, leg: CallLeg, target: str, whisper: str, *, caller_audio: bytes = b"", overhear: bool = False
    ) -> EndedBy:
        """Transfer the caller to `target`, wait until the two are disconnected, and return the party that hung up.

        Before being connected, the person who answers hears `whisper`, then `caller_audio`, the caller's own words
        (8 kHz, 16-bit). With `overhear` the media stream delivers both parties' audio as OverheardAudio.

        Raises:
            TransferRefused: nobody took the call; the caller is back with the service.
        """

        async def hand_over(held: HeldCaller) -> None:
            if self._acd and self._has_roster(target):
                await self._acd.hand_over(leg.call, target, whisper, held, caller_audio)
            else:
                await self._ring_target(leg, target, whisper, held, caller_audio)

        if not self.can_reach(leg, target):
            raise TransferRefused("unavailable")
        return await leg.hold(hand_over, overhear=overhear)

    def _has_roster(self, target: str) -> bool:
        return self._acd is not None and self._acd.has_roster(target)

    async def _ring_target(
        self, leg: CallLeg, target: str, whisper: str, held: HeldCaller, caller_audio: bytes
    ) -> None:
        words = b""
        if whisper:
            words = await asyncio.to_thread(partial(self._announce, whisper, leg.call.language))
        async with held.ring(target, leg.call.caller, RING_S) as person:
            if words + caller_audio:
                await person.play(words + caller_audio)
            await person.connect()
            await person.wait_until_gone()
