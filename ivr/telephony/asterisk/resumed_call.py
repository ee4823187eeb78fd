"""A call that has lost its node and is ours now: attaches new media to its party, removes what the lost node has left.

Must not know: how the call was claimed, what was said on it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Final

from ivr.lifecycle import Direction
from ivr.telephony.asterisk import names
from ivr.telephony.asterisk.ari import Ari, AriRefused, AriUnreachable
from ivr.telephony.asterisk.call_leg import AsteriskCallLeg
from ivr.telephony.asterisk.channels import LEFT_STASIS, ChannelEnded, ChannelTracker
from ivr.telephony.asterisk.site import Site
from ivr.telephony.asterisk.voice_bridge import VoiceBridge
from ivr.telephony.port import Call, NotResumable, PartyGone
from ivr.telephony.slots import CallSlot

HANG_UP_S: Final = 0.5
"""Time within which the end of a channel that refuses a request is reported."""


class AsteriskResumedCall:
    """Implements ivr.telephony.port.ResumedCall. `channel` is the party's; it has entered our application."""

    def __init__(
        self,
        ari: Ari,
        tracker: ChannelTracker,
        site: Site,
        channel: str,
        call: str,
        slot: CallSlot,
        *,
        direction: Direction,
        transferred: bool,
    ) -> None:
        self._ari, self._tracker, self._site = ari, tracker, site
        self._id, self._slot = call, slot
        self._direction, self._transferred = direction, transferred
        self._party = tracker.expect(channel)
        self._party.created = True
        self._party.entered.set_result(None)
        self._leg: AsteriskCallLeg | None = None
        self._clearing: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        """See ResumedCall."""
        return self._id

    @property
    def transferred(self) -> bool:
        """See ResumedCall."""
        return self._transferred

    async def attach(self, call: Call) -> AsteriskCallLeg:
        """See ResumedCall."""
        voice = VoiceBridge(self._ari, self._tracker, self._id)
        party = self._party
        try:
            await voice.open(party.channel, self._direction)
            await voice.join(party)
        except (AriRefused, AriUnreachable, ChannelEnded, TimeoutError) as error:
            await voice.disarm_failover()
            await voice.close()
            if await self._has_hung_up():
                raise PartyGone("its party has hung up") from error
            raise NotResumable(f"its media could not be attached: {error!r}") from error
        located = replace(call, external_id=party.channel)
        self._leg = AsteriskCallLeg(located, self._ari, self._tracker, self._site, party, voice)
        self._leg.over.add_done_callback(self._slot.release)
        self._clearing = asyncio.create_task(self._remove_leftovers())
        return self._leg

    async def close(self) -> None:
        """Hang up, if media were attached; otherwise leave the party to the dialplan."""
        if self._clearing:
            await asyncio.wait((self._clearing,))
        if self._leg:
            await self._leg.hang_up()
        else:
            self._tracker.forget(self._party)

    async def _has_hung_up(self) -> bool:
        """Return whether the party's channel has ended, even if its end was reported before we listened."""
        gone = self._party.gone
        await asyncio.wait((gone,), timeout=HANG_UP_S)
        if gone.done() and gone.result() != LEFT_STASIS:
            return True
        with contextlib.suppress(AriUnreachable):
            return not await self._ari.channel_exists(self._party.channel)
        return False

    async def _remove_leftovers(self) -> None:
        """Remove the channels and bridges of this call that other nodes have left behind."""
        with contextlib.suppress(AriRefused, AriUnreachable):
            for channel in await self._ari.channels():
                owner = names.owner(self._ari.app, channel)
                if owner and owner.call == self._id and owner.kind != "party" and self._is_foreign(owner):
                    await self._ari.hang_up(channel)
            for bridge in await self._ari.bridges():
                owner = names.owner(self._ari.app, bridge)
                if owner and owner.call == self._id and self._is_foreign(owner):
                    await self._ari.destroy_bridge(bridge)

    def _is_foreign(self, owner: names.Owner) -> bool:
        return owner.app != self._ari.app
