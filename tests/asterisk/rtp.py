"""A phone's audio: G.711 and keys (RFC 4733) over RTP, over a network that can be impaired."""

from __future__ import annotations

import asyncio
import random
import struct
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from tests.asterisk.g711 import LAWS, Samples
from tests.asterisk.sound import FRAME, LOUD, RATE, Heard
from tests.precedence import take_precedence

KEYS = "0123456789*#"
KEY_TYPE = 101
FRAME_S = FRAME / RATE
SILENCE = {kind: law.encode(np.zeros(FRAME, np.int16)) for kind, law in LAWS.items()}
LATE_S = 0.06
BUFFER_S = 0.2
"""Packets later than this begin a new talkspurt. LATE_S applies after a pause, as Asterisk's time stamps skip up to
80 ms; BUFFER_S applies within speech, where no phone's buffer would bridge the gap.
"""


@dataclass
class NetworkImpairment:
    """Impairment of packets in each direction: `loss` (0 to 1), and up to `jitter_s` of delay without reordering."""

    loss: float = 0.0
    jitter_s: float = 0.0
    random: random.Random = field(default_factory=lambda: random.Random(7))

    def delay(self, after: float, now: float) -> float | None:
        """The time at which a packet arrives, not before the previous one (`after`); None if it is lost."""
        if self.random.random() < self.loss:
            return None
        return max(after, now + self.random.uniform(0, self.jitter_s))


@dataclass(frozen=True)
class Key:
    """One step out of `steps` of a pressed key, and the time stamp of its start."""

    digit: str
    step: int
    steps: int


@dataclass
class Talkspurt:
    """A run of packets without a pause. `began` is the time of its first sample, by the packet with the least delay."""

    source: int
    first_stamp: int
    began: float

    def since(self, stamp: int) -> float:
        """Seconds from the first packet to another."""
        return ((stamp - self.first_stamp + (1 << 31)) % (1 << 32) - (1 << 31)) / RATE


@dataclass(frozen=True)
class Packet:
    """The audio of a packet and its place."""

    talkspurt: Talkspurt
    stamp: int
    pcm: Samples

    @property
    def place(self) -> float:
        """The time at which it is heard."""
        return self.talkspurt.began + self.talkspurt.since(self.stamp)


class Voice(asyncio.DatagramProtocol):
    """The RTP of one call. Sends a packet every 20 ms, silence if there is nothing to say."""

    def __init__(self, impairment: NetworkImpairment) -> None:
        self.impairment = impairment
        self.silent = False
        """Send nothing, as a phone without a network does."""
        self.law = 0
        self.port = 0
        self.loud_until = 0.0
        """The end of the last sound heard."""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._remote: tuple[str, int] | None = None
        self._queue: deque[bytes | Key | asyncio.Future[float]] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._spoken: list[Packet] = []
        self._talkspurts: list[Talkspurt] = []
        self._last_arrival, self._last_number, self._last_stamp = 0.0, 0, 0
        self._last_out = self._last_in = 0.0
        self._began = self._loop.time()

    async def open(self, host: str) -> None:
        self._transport, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self.port = self._transport.get_extra_info("sockname")[1]

    def talk_to(self, remote: tuple[str, int], law: int) -> None:
        self._remote, self.law = remote, law
        if self._sending is None:
            take_precedence()
            self._sending = self._loop.create_task(self._send())

    def close(self) -> None:
        if self._sending:
            self._sending.cancel()
        if self._transport:
            self._transport.close()
        for item in self._queue:
            if isinstance(item, asyncio.Future) and not item.done():
                item.cancel()

    # -- speaking --------------------------------------------------------------------------------------------------

    async def say(self, pcm: Samples) -> tuple[float, float]:
        """Send audio; return the times of its first and last sample.

        A packet is sent once all of it has been spoken, so its first sample is older by the length of the packet.
        """
        began = self._point()
        samples = np.concatenate([pcm, np.zeros(-len(pcm) % FRAME, np.int16)])
        payload = LAWS[self.law].encode(samples)
        self._queue.extend(payload[start : start + FRAME] for start in range(0, len(payload), FRAME))
        ended = self._point()
        return await began - FRAME_S, await ended - FRAME_S

    async def press(self, digits: str, held_s: float = 0.1) -> float:
        """Press keys in turn; return the time of the last release."""
        steps = round(held_s / FRAME_S)
        for digit in digits:
            self._queue.extend(Key(digit, step, steps) for step in range(steps))
            let_go = self._point()
            self._queue.extend([self._silence()] * 4)
        return await let_go

    def stop_speaking(self) -> None:
        """Drop the audio and keys not sent yet."""
        for item in self._queue:
            if isinstance(item, asyncio.Future) and not item.done():
                item.set_result(self._loop.time())
        self._queue.clear()

    def _point(self) -> asyncio.Future[float]:
        point: asyncio.Future[float] = self._loop.create_future()
        self._queue.append(point)
        return point

    def _silence(self) -> bytes:
        return SILENCE[self.law]

    async def _send(self) -> None:
        began = self._loop.time()
        number = stamp = source = random.getrandbits(15)
        key_began = 0
        count = 0
        while True:
            item = self._queue.popleft() if self._queue else self._silence()
            if isinstance(item, asyncio.Future):
                if not item.done():
                    item.set_result(self._loop.time())
                continue
            now = (stamp + count * FRAME) & 0xFFFFFFFF
            if isinstance(item, Key):
                key_began = now if item.step == 0 else key_began
                last = item.step == item.steps - 1
                flags = (0x80 if last else 0) | 10
                body = struct.pack("!BBH", KEYS.index(item.digit), flags, FRAME * (item.step + 1))
                packets = [(KEY_TYPE | (0x80 if item.step == 0 else 0), key_began, body)] * (3 if last else 1)
            else:
                packets = [(self.law, now, item)]
            for kind, at, body in packets:
                self._out(struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, at, source) + body)
                number += 1
            count += 1
            await asyncio.sleep(max(0.0, began + count * FRAME_S - self._loop.time()))

    def _out(self, packet: bytes) -> None:
        now = self._loop.time()
        due = self.impairment.delay(self._last_out, now)
        if self.silent or due is None or self._transport is None:
            return
        self._last_out = due
        if due <= now:
            self._transport.sendto(packet, self._remote)
        else:
            self._loop.call_at(due, self._deliver, packet)

    def _deliver(self, packet: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(packet, self._remote)

    # -- hearing ---------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        if len(data) <= 12 or data[1] & 0x7F != self.law:
            return
        due = self.impairment.delay(self._last_in, self._loop.time())
        if due is not None:
            self._last_in = due
            number, stamp, source = struct.unpack_from("!HII", data, 2)
            packet = Packet(self._talkspurt(due, number, stamp, source), stamp, LAWS[self.law].decode(data[12:]))
            self._spoken.append(packet)
            if np.linalg.norm(packet.pcm.astype(np.float32)) > LOUD * len(packet.pcm) ** 0.5:
                self.loud_until = max(self.loud_until, packet.place + len(packet.pcm) / RATE)

    def _talkspurt(self, arrived: float, number: int, stamp: int, source: int) -> Talkspurt:
        """The talkspurt of a packet. A new one begins after a pause, when time stamps may be arbitrary."""
        talkspurt = self._talkspurts[-1] if self._talkspurts else None
        due = self._last_arrival + ((number - self._last_number) & 0xFFFF) * FRAME_S
        paused = (stamp - self._last_stamp) & 0xFFFFFFFF != ((number - self._last_number) & 0xFFFF) * FRAME
        tolerance = (LATE_S if paused else BUFFER_S) + self.impairment.jitter_s
        if talkspurt is None or talkspurt.source != source or arrived - due > tolerance:
            talkspurt = Talkspurt(source, stamp, arrived)
            self._talkspurts.append(talkspurt)
        self._last_arrival, self._last_number, self._last_stamp = arrived, number, stamp
        talkspurt.began = min(talkspurt.began, arrived - talkspurt.since(stamp))
        return talkspurt

    def last(self, seconds: float, until: float) -> Samples:
        """The audio heard in the seconds before a time."""
        samples = np.zeros(round(seconds * RATE), np.int16)
        for packet in reversed(self._spoken):
            start = round((packet.place - until + seconds) * RATE)
            if start < 0:
                break
            samples[start : start + len(packet.pcm)] = packet.pcm[: max(0, len(samples) - start)]
        return samples

    def received(self) -> Heard:
        """All audio in order of arrival, regardless of time stamps, which jump when a call is bridged anew."""
        return Heard(self._began, np.concatenate([packet.pcm for packet in self._spoken]))

    def heard(self) -> Heard:
        """All audio heard so far, on one clock."""
        end = max([self._loop.time(), *(packet.place + FRAME_S for packet in self._spoken)])
        samples = np.zeros(round((end - self._began) * RATE) + FRAME, np.int16)
        for packet in self._spoken:
            start = max(0, round((packet.place - self._began) * RATE))
            samples[start : start + len(packet.pcm)] = packet.pcm[: len(samples) - start]
        return Heard(self._began, samples)
