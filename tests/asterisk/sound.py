"""The audio that a phone heard, on the event loop's clock, and measurements of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.asterisk.g711 import Samples

RATE = 8000
FRAME = 160
LOUD = 300.0
"""Root mean square above which 20 ms count as sound: about -41 dB of full scale."""


def tone(hertz: float, seconds: float, amplitude: float = 0.3) -> Samples:
    """A pure tone."""
    moments = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * 32767 * np.sin(2 * np.pi * hertz * moments)).astype(np.int16)


def babble(seconds: float, seed: int = 1) -> Samples:
    """Speech-like noise without pauses that differs at every moment."""
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft(random.standard_normal(round(seconds * RATE)))
    hertz = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3000)] = 0
    noise = np.fft.irfft(spectrum, round(seconds * RATE))
    return np.asarray(noise / np.abs(noise).max() * 0.5 * 32767, dtype=np.int16)


@dataclass(frozen=True)
class SoundMatch:
    """A match: its time, likeness (0 to 1), longest gap (ms), and gain (1: same level)."""

    at: float
    likeness: float
    gap_ms: int
    gain: float
    clipped: bool


class Heard:
    """A recording that starts at the time `start` of the event loop's clock."""

    def __init__(self, start: float, samples: Samples) -> None:
        self.start = start
        self.samples = samples

    def since(self, moment: float) -> Heard:
        skipped = max(0, round((moment - self.start) * RATE))
        return Heard(self.start + skipped / RATE, self.samples[skipped:])

    def until(self, moment: float) -> Heard:
        return Heard(self.start, self.samples[: max(0, round((moment - self.start) * RATE))])

    def levels(self) -> np.ndarray:
        """Root mean square of each 20 ms."""
        whole = len(self.samples) // FRAME * FRAME
        return np.asarray(np.sqrt(np.mean(self.samples[:whole].reshape(-1, FRAME).astype(np.float64) ** 2, axis=1)))

    def loud(self) -> list[float]:
        """The start of each 20 ms of sound."""
        return [self.start + index * FRAME / RATE for index in np.flatnonzero(self.levels() > LOUD)]

    def pitch(self) -> float:
        """The strongest frequency (Hz); 0 in silence."""
        if len(self.samples) < RATE // 10 or not self.loud():
            return 0.0
        spectrum = np.abs(np.fft.rfft(self.samples * np.hanning(len(self.samples))))
        return float(np.argmax(spectrum) * RATE / len(self.samples))

    def find(self, sought: Samples) -> SoundMatch:
        """The best match of a sound."""
        here, there = self.samples.astype(np.float64), sought.astype(np.float64)
        if len(here) < len(there):
            here = np.pad(here, (0, len(there) - len(here)))
        size = 1 << (len(here) + len(there)).bit_length()
        product = np.fft.irfft(np.fft.rfft(here, size) * np.conj(np.fft.rfft(there, size)), size)
        place = int(np.argmax(product[: len(here) - len(there) + 1]))
        found = here[place : place + len(there)]
        norm = np.linalg.norm(found) * np.linalg.norm(there)
        return SoundMatch(
            at=self.start + place / RATE,
            likeness=float(product[place] / norm) if norm else 0.0,
            gap_ms=_longest_gap_ms(found, there),
            gain=float(np.linalg.norm(found) / np.linalg.norm(there)) if norm else 0.0,
            clipped=bool(np.any(np.abs(found) >= 32124)),
        )


def _longest_gap_ms(found: np.ndarray, sought: np.ndarray, step: int = 40) -> int:
    """The longest time (ms) during which the sought sound continues and the found one is silent."""
    whole = len(sought) // step * step
    loud = np.sqrt(np.mean(sought[:whole].reshape(-1, step) ** 2, axis=1)) > LOUD
    quiet = np.sqrt(np.mean(found[:whole].reshape(-1, step) ** 2, axis=1)) < LOUD / 10
    longest = run = 0
    for gap in loud & quiet:
        run = run + 1 if gap else 0
        longest = max(longest, run)
    return longest * step * 1000 // RATE
