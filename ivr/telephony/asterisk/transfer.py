"""Hands a caller over to one endpoint. Must not know: who that is and how it was chosen."""

from __future__ import annotations

from typing import Final

from ivr.telephony.asterisk.held_caller import AsteriskHeldCaller

RING_S: Final = 20


async def hand_over(held: AsteriskHeldCaller, endpoint: str, shown: str, words: bytes) -> None:
    """Ring `endpoint` with `shown` as the caller's number; `words` (audio) are for their ears only.

    Returns when they have hung up.

    Raises:
        TransferRefused: nobody took the call.
    """
    async with held.dial(endpoint, shown, RING_S) as person:
        if words:
            await person.tell(words)
        await person.connect()
        await person.parted()
