"""The cost of listening. Prints figures (`pytest -s`); times are only reported, as they depend on the machine."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recognizer.base import FRAME_BYTES, Grammar
from recognizer.vosk import VoskRecognizer

pytestmark = pytest.mark.slow

SCORE = Grammar("zh-CN", "closed", tuple(digit + unit for digit in "一二三四五六七八九十" for unit in ("", "分")))
LISTENERS = 20


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def test_open_listeners_take_little_memory(recognizer: VoskRecognizer, clip: Callable[[str], bytes]) -> None:
    pcm = clip("en_bafen_ba") * 3
    before = resident_mb()
    listeners = [recognizer.listen(SCORE) for _ in range(LISTENERS)]
    for place in range(0, len(pcm), FRAME_BYTES):
        for listener in listeners:
            listener.feed(pcm[place : place + FRAME_BYTES])
    waits = []
    for listener in listeners:
        await listener.hypotheses()
        begun = time.perf_counter()
        await listener.hypotheses()
        waits.append((time.perf_counter() - begun) * 1000)
    each_mb = (resident_mb() - before) / LISTENERS
    for listener in listeners:
        listener.close()
    p50, p95 = np.percentile(waits, [50, 95])
    seconds = len(pcm) / 16000
    print(f"\n{each_mb:.1f} MB a listener; {seconds:.1f} s decoded anew: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    assert each_mb < 10
