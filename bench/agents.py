"""Warm transfer: time from the agent's DTMF key to two-way audio, from the recordings of both phones.

Asterisk is a separate process; the transfer code of the service and the phones run in this one.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from bench.figures import Figure, percentiles
from tests.asterisk.g711 import Samples
from tests.asterisk.office import AcdFixture, running_acd
from tests.asterisk.sound import FRAME, RATE, Heard, babble

GOALS: Final = {"warm_transfer_ms.asterisk": "p95 ≤ 300"}
TRANSFERS: Final = 10
TALK_S: Final = 3.0
WHISPER_S: Final = 0.4
KEY_S: Final = FRAME / RATE
"""The end packets of a DTMF key are sent one frame before the phone reports its release."""
MIN_CORRELATION: Final = 0.8
PROBE: Final = slice(2 * RATE, 2 * RATE + RATE // 2)
"""A segment of the speech that is certain to arrive; it aligns the recording with the speech."""


async def measure() -> dict[str, Figure]:
    """Measure all figures of agents."""
    with TemporaryDirectory(prefix="huifang-bench-") as folder:
        async with running_acd(Path(folder) / "acd") as acd:
            return {"warm_transfer_ms.asterisk": percentiles([await _transfer(acd, n) for n in range(TRANSFERS)])}


async def _transfer(acd: AcdFixture, number: int) -> float:
    """Measure the time from the end of the key to two-way audio (ms)."""
    line = f"line_{number}"
    (phone,) = await acd.staff_line(line)
    call, leg = await acd.connect_caller()
    transferring = asyncio.create_task(leg.transfer(line, "三次报修未解决", overhear=True))
    agent = await phone.called()
    agent.ring()
    agent.answer()
    await agent.hears_sound()
    await asyncio.sleep(WHISPER_S)
    from_caller, from_agent = babble(TALK_S, seed=1), babble(TALK_S, seed=2)
    key_up, *_ = await asyncio.gather(agent.press("1"), agent.say(from_agent), call.say(from_caller))
    await asyncio.sleep(0.3)
    released = key_up - KEY_S
    opened = [_lost(agent.heard(), from_caller, released), _lost(call.heard(), from_agent, released)]
    await call.hang_up()
    await transferring
    return max(opened) * 1000


def _lost(heard: Heard, spoken: Samples, released: float) -> float:
    """Return how long after the end of the key speech was still lost (s); 0 if none was."""
    found = heard.find(spoken[PROBE])
    start = found.at - PROBE.start / RATE
    for place in range(PROBE.start, 0, -FRAME):
        ended = start + place / RATE
        at = round((ended - heard.start) * RATE) - FRAME
        if ended <= released:
            return 0.0
        if not _matches(heard.samples[max(0, at) : at + FRAME], spoken[place - FRAME : place]):
            return ended - released
    return 0.0


def _matches(one: Samples, other: Samples) -> bool:
    norm = float(np.linalg.norm(one.astype(float)) * np.linalg.norm(other.astype(float)))
    return (
        len(one) == len(other)
        and norm > 0
        and float(np.dot(one.astype(float), other.astype(float))) / norm > MIN_CORRELATION
    )
