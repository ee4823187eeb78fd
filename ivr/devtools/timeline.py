"""Measurements on a call's audio as sent and heard by a phone: pure functions over samples.

Must not know: sockets, clocks, the source of the samples. Positions are samples at 8 kHz since the timeline's start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ivr.telephony.media import SAMPLE_RATE_HZ

Samples = NDArray[np.int16]

SOUND = 100
"""Minimum sample amplitude (of 32 767) that counts as sound: -50 dB relative to full scale."""
SPEECH_RANGE_DB = 35.0
"""Audio within this range below the loudest 5 ms counts as speech."""
WINDOW = SAMPLE_RATE_HZ * 5 // 1000
QUIET_BEFORE = SAMPLE_RATE_HZ * 20 // 1000


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """Samples from `start` up to but not including `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CallTimeline:
    """Both sides of a call as perceived at the phone, with a common start."""

    said: Samples
    heard: Samples


def ms(samples: int) -> float:
    """Convert a number of samples to ms."""
    return samples * 1000 / SAMPLE_RATE_HZ


def speech(samples: Samples, within: SoundSpan) -> SoundSpan | None:
    """Return the span of speech in a part of a recording, to 5 ms; None if it is silent."""
    part = samples[within.start : within.end].astype(np.float64)
    windows = part[: len(part) // WINDOW * WINDOW].reshape(-1, WINDOW)
    level = windows.std(axis=1) if len(windows) else np.zeros(1)
    if level.max() < SOUND:
        return None
    loud = np.flatnonzero(level >= max(SOUND, level.max() * 10 ** (-SPEECH_RANGE_DB / 20)))
    return SoundSpan(within.start + int(loud[0]) * WINDOW, within.start + (int(loud[-1]) + 1) * WINDOW)


def response_ms(timeline: CallTimeline, said: SoundSpan) -> float | None:
    """Return the time from the last speech sample of `said` to the first sample of the next prompt (ms).

    Return None if `said` is silent, if a prompt was still audible at its end, or if none followed.
    """
    spoken = speech(timeline.said, said)
    if spoken is None or _sounds(timeline.heard[max(0, spoken.end - QUIET_BEFORE) : spoken.end]).size:
        return None
    after = _sounds(timeline.heard[spoken.end :])
    return ms(int(after[0])) if after.size else None


def stop_ms(timeline: CallTimeline, onset: int, quiet_ms: int = 200) -> float | None:
    """Return the time from `onset` (speech or key) to the last sample heard of the prompt that it stopped (ms).

    The prompt has stopped once `quiet_ms` of silence follow. Return None if no prompt was audible at the onset or it
    did not stop.
    """
    quiet = SAMPLE_RATE_HZ * quiet_ms // 1000
    before = timeline.heard[max(0, onset - quiet) : onset]
    after = timeline.heard[onset:]
    if not _sounds(before).size:
        return None
    edges = np.concatenate([[-1], _sounds(after), [len(after) + 0]])
    gaps = np.flatnonzero(np.diff(edges) > quiet)
    return ms(int(edges[gaps[0]]) + 1) if gaps.size else None


def _sounds(samples: Samples) -> NDArray[np.intp]:
    return np.flatnonzero(np.abs(samples.astype(np.int32)) >= SOUND)
