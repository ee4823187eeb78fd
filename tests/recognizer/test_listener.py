import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from recognizer.base import Hypothesis
from recognizer.listener import PooledListener


class CountingDecoder:
    """Counts the bytes fed; blocks while `gate` is closed; detects concurrent calls."""

    def __init__(self, gate: threading.Event) -> None:
        self._gate = gate
        self._inside = threading.Lock()
        self._bytes = 0

    def feed(self, pcm: bytes) -> None:
        assert self._inside.acquire(blocking=False), "two threads at once"
        self._gate.wait()
        self._bytes += len(pcm)
        self._inside.release()

    def read(self) -> Sequence[Hypothesis]:
        return (Hypothesis(str(self._bytes), 1.0),)


class FailingDecoder(CountingDecoder):
    def feed(self, pcm: bytes) -> None:
        raise RuntimeError("no decoder")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    event.set()
    yield event
    event.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def text(hypotheses: Sequence[Hypothesis]) -> str:
    return hypotheses[0].text if hypotheses else ""


async def test_hypotheses_cover_all_audio_fed_so_far(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    listener = PooledListener(pool, lambda: CountingDecoder(gate))
    for _ in range(100):
        listener.feed(bytes(320))
    assert text(await listener.hypotheses()) == "32000"
    listener.feed(bytes(2))
    assert text(await listener.hypotheses()) == "32002"


async def test_feeding_never_waits_for_decoding(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    gate.clear()
    listener = PooledListener(pool, lambda: CountingDecoder(gate))
    for _ in range(1000):
        listener.feed(bytes(320))
    reading = asyncio.ensure_future(listener.hypotheses())
    await asyncio.sleep(0)
    assert not reading.done()
    gate.set()
    assert text(await reading) == "320000"


async def test_one_listener_is_decoded_by_one_thread_at_a_time(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    listener = PooledListener(pool, lambda: CountingDecoder(gate))
    readings = []
    for _ in range(200):
        listener.feed(bytes(320))
        readings.append(asyncio.ensure_future(listener.hypotheses()))
        await asyncio.sleep(0)
    assert text((await asyncio.gather(*readings))[-1]) == "64000"


async def test_closing_releases_all_waiting_tasks(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    gate.clear()
    listener = PooledListener(pool, lambda: CountingDecoder(gate))
    listener.feed(bytes(320))
    first, second = (asyncio.ensure_future(listener.hypotheses()) for _ in range(2))
    await asyncio.sleep(0)
    listener.close()
    listener.close()
    gate.set()
    assert await second == ()
    await first
    assert await listener.hypotheses() == ()
    with pytest.raises(ValueError, match="closed"):
        listener.feed(bytes(320))


async def test_cancelling_a_wait_is_harmless(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    gate.clear()
    listener = PooledListener(pool, lambda: CountingDecoder(gate))
    listener.feed(bytes(320))
    reading = asyncio.ensure_future(listener.hypotheses())
    await asyncio.sleep(0)
    reading.cancel()
    gate.set()
    assert text(await listener.hypotheses()) == "320"


async def test_half_a_sample_is_rejected(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    with pytest.raises(ValueError, match="321 bytes"):
        PooledListener(pool, lambda: CountingDecoder(gate)).feed(bytes(321))


async def test_a_decoder_failure_reaches_all_waiting_tasks(pool: ThreadPoolExecutor, gate: threading.Event) -> None:
    listener = PooledListener(pool, lambda: FailingDecoder(gate))
    listener.feed(bytes(320))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no decoder"):
            await listener.hypotheses()
