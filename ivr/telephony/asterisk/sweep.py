"""Removes orphaned channels and bridges from Asterisk: our own leftovers, and those of nodes that have died.

Must not know: how calls are handled.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ivr.telephony.asterisk import names
from ivr.telephony.asterisk.ari import Ari, AriRefused, Channel
from ivr.telephony.asterisk.channels import ChannelTracker


@dataclass(frozen=True)
class _Snapshot:
    """Everything in Asterisk: channels by id, bridges with their channels, applications with theirs."""

    channels: Mapping[str, Channel]
    bridges: Mapping[str, tuple[str, ...]]
    applications: Mapping[str, frozenset[str]]

    @cached_property
    def bridge_of(self) -> Mapping[str, str]:
        """The bridge of each channel that is in one."""
        return {channel: bridge for bridge, members in self.bridges.items() for channel in members}


class Sweeper:
    """The sweeps of one node.

    What we have created and belongs to none of our calls is an orphan. What is another node's is an orphan only if the
    media channel of its call was missing in two sweeps in a row: a node that lives keeps that channel as long as the
    call. A caller of ours is one if two sweeps in a row found none of our calls: the StasisStart may be on its way.
    """

    def __init__(self, ari: Ari, tracker: ChannelTracker) -> None:
        self._ari, self._tracker = ari, tracker
        self._suspects: frozenset[str] = frozenset()

    async def sweep(self) -> None:
        """Update the tracker, then remove orphans.

        Callers are offered to all nodes again or go to a person; people talking with each other are left alone.

        Raises:
            AriRefused, AriUnreachable: the sweep is incomplete; retry later.
        """
        before = self._tracker.created()
        found = _Snapshot(await self._ari.channels(), await self._ari.bridges(), await self._ari.applications())
        self._tracker.reconcile(before, {name: channel.state for name, channel in found.channels.items()})
        led = self._led(found)
        suspects = {name for name in (*found.channels, *found.bridges) if self._is_suspect(found, led, name)}
        orphans = {name for name in suspects if name in self._suspects or self._created_here(found, name)}
        self._suspects = frozenset(suspects - orphans)
        talking = set[str]()
        for bridge in orphans & found.bridges.keys():
            people = [name for name in found.bridges[bridge] if not names.is_media(self._ari.app, name)]
            if len(people) > 1:
                talking.update(people)
            else:
                await self._ari.destroy_bridge(bridge)
        await self._remove(found, (orphans & found.channels.keys()) - talking)

    def _created_here(self, found: _Snapshot, name: str) -> bool:
        owner = self._named_owner(found, name)
        return owner is not None and owner.app == self._ari.app

    def _is_suspect(self, found: _Snapshot, led: Container[tuple[str, str]], name: str) -> bool:
        """Return whether a channel or a bridge of a node seems to belong to no call."""
        app = self._owner(found, name)
        if not app or name in self._tracker:
            return False
        call = self._call(found, name)
        if call and (app, call) in led:
            return False
        # The StasisStart of an unanswered caller of ours may still be on its way.
        mine_and_new = app == self._ari.app and not names.owner(app, name) and found.channels[name].state != "Up"
        return not mine_and_new

    def _led(self, found: _Snapshot) -> frozenset[tuple[str, str]]:
        """Return the node and the id of each call that has a media channel; of our own calls, those that we track."""
        owners = [names.owner(self._ari.app, name) for name in found.channels]
        others = {(one.app, one.call) for one in owners if one and one.kind == "voice" and one.app != self._ari.app}
        tracked = [names.owner(self._ari.app, name) for name in self._tracker]
        return frozenset(others | {(one.app, one.call) for one in tracked if one and one.kind == "voice"})

    def _owner(self, found: _Snapshot, name: str) -> str:
        """Return the application of the node that a channel or bridge belongs to; empty if none.

        A channel belongs to the node whose bridge it is in, else to the node that created it, else to the node that it
        has entered.
        """
        owner = self._named_owner(found, name)
        if owner and not self._may_be_in_the_dialplan(found, name):
            return owner.app
        if name in found.channels and found.channels[name].in_stasis:
            return next((app for app, channels in found.applications.items() if self._is_node(app, name, channels)), "")
        return ""

    def _may_be_in_the_dialplan(self, found: _Snapshot, name: str) -> bool:
        """Return whether a party whom a node called is on the way from that node to another."""
        owner = names.owner(self._ari.app, name)
        return (
            owner is not None
            and owner.kind == "party"
            and name not in found.bridge_of
            and name in found.channels
            and found.channels[name].state == "Up"
        )

    def _call(self, found: _Snapshot, name: str) -> str:
        owner = self._named_owner(found, name)
        return owner.call if owner else ""

    def _named_owner(self, found: _Snapshot, name: str) -> names.Owner | None:
        return names.owner(self._ari.app, found.bridge_of.get(name, "")) or names.owner(self._ari.app, name)

    def _is_node(self, app: str, channel: str, channels: Iterable[str]) -> bool:
        return channel in channels and names.context(app, "") == names.context(self._ari.app, "")

    async def _remove(self, found: _Snapshot, orphans: Iterable[str]) -> None:
        for name in orphans:
            owner = names.owner(self._ari.app, name)
            led = names.owner(self._ari.app, found.bridge_of.get(name, ""))
            up = found.channels[name].state == "Up"
            if owner and (owner.kind != "party" or not led or not up):
                await self._ari.hang_up(name)
            elif led and up:
                # The node has died while the party was talking with somebody, who has hung up since.
                await self._return(name, f"talked-{'outbound' if owner else 'inbound'}", led.call)
            elif up:
                await self._return(name, "fallback", "lost")
            else:
                await self._return(name, "line", "take")

    async def _return(self, channel: str, context: str, extension: str) -> None:
        with contextlib.suppress(AriRefused):  # already gone
            await self._ari.continue_in_dialplan(channel, names.context(self._ari.app, context), extension)
