"""Takes away what calls have left behind in Asterisk: after a crash of ours, or when Asterisk was out of reach.

Must not know: how calls are led.
"""

from __future__ import annotations

import contextlib

from ivr.telephony.asterisk.ari import Ari, AriRefused, Channel
from ivr.telephony.asterisk.channels import ChannelTracker


async def sweep(ari: Ari, tracker: ChannelTracker) -> None:
    """Bring `legs` up to date, and end what belongs to our application but to no call of ours.

    Callers who were left alone go to a person; two people in the middle of talking to each other are not disturbed.

    Raises:
        AriRefused, AriUnreachable: it could not be finished; to be tried again later.
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
            with contextlib.suppress(AriRefused):  # gone meanwhile
                await ari.continue_in_dialplan(name, f"{ari.app}-fallback", "lost")


def _belongs(ari: Ari, name: str, channel: Channel) -> bool:
    """A caller not answered yet may have arrived this moment: their StasisStart is still on its way to us."""
    return name.startswith(f"{ari.app}.") or (channel.app == ari.app and channel.state == "Up")


def _voice(ari: Ari, bridge: str) -> str:
    call = bridge.removeprefix(f"{ari.app}.bridge.").partition(".")[0]
    return f"{ari.app}.voice.{call}"
