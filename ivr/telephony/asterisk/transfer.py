"""Warm transfer of a caller to one endpoint. Must not know: who that is and how it was chosen."""

from __future__ import annotations

from typing import Final

from ivr.telephony.asterisk.held_caller import AsteriskHeldCaller

RING_S: Final = 20


async def hand_over(held: AsteriskHeldCaller, endpoint: str, shown: str, whisper_audio: bytes) -> None:
    """Ring `endpoint` with `shown` as the calling number, play it the whisper, and connect it with the caller.

    Return once the endpoint has hung up.

    Raises:
        TransferRefused: nobody took the call.
    """
    async with held.dial(endpoint, shown, RING_S) as person:
        if whisper_audio:
            await person.play(whisper_audio)
        await person.connect()
        await person.wait_until_gone()
