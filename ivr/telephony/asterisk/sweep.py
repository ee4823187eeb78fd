"""Sweep of orphaned channels and bridges in Asterisk, left by a crash of ours or while Asterisk was unreachable.

Must not know: how calls are handled.
"""

from __future__ import annotations

import contextlib

from ivr.telephony.asterisk.ari import Ari, AriRefused, Channel
from ivr.telephony.asterisk.channels import ChannelTracker


async def sweep(ari: Ari, tracker: ChannelTracker) -> None:
    """Update `tracker`, and remove channels and bridges of our application that belong to none of our calls.

    Orphaned callers go to a person; two people talking to each other are left alone.

    Raises:
        AriRefused, AriUnreachable: the sweep is incomplete; retry later.
    """
    before = tracker.created()
    channels = await ari.channels()
    tracker.reconcile(before, {name: channel.state for name, channel in channels.items()})
    ours = {name: channel for name, channel in channels.items() if name not in tracker and _belongs(ari, name, channel)}
    for bridge, members in (await ari.bridges()).items():
        if not bridge.startswith(f"{ari.app}.bridge.") or _voice(ari, bridge) in tracker:
            continue
        people = [name for name in members if not name.startswith(f"{ari.app}.voice.")]
        if len(people) > 1:
            for name in people:
                ours.pop(name, None)
        else:
            await ari.destroy_bridge(bridge)
    for name in ours:
        if name.startswith(f"{ari.app}."):
            await ari.hang_up(name)
        else:
            with contextlib.suppress(AriRefused):  # already gone
                await ari.continue_in_dialplan(name, f"{ari.app}-fallback", "lost")


def _belongs(ari: Ari, name: str, channel: Channel) -> bool:
    """Return whether a channel is ours, except unanswered callers, whose StasisStart may still be on its way."""
    return name.startswith(f"{ari.app}.") or (channel.app == ari.app and channel.state == "Up")


def _voice(ari: Ari, bridge: str) -> str:
    call = bridge.removeprefix(f"{ari.app}.bridge.").partition(".")[0]
    return f"{ari.app}.voice.{call}"
