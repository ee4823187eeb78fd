"""Measuring a call from what a phone said and heard: pure functions over samples.

Must not know: sockets, clocks, how the samples came about. All positions are samples at 8 kHz since the timeline began.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ivr.telephony.media import SAMPLE_RATE_HZ

Samples = NDArray[np.int16]

SOUND = 100
"""The smallest sample (of 32 767) that counts as sound in what is heard: -50 dB full scale."""
SPEECH_RANGE_DB = 35.0
"""Speech is what lies within this range below its loudest 5 ms."""
WINDOW = SAMPLE_RATE_HZ * 5 // 1000
QUIET_BEFORE = SAMPLE_RATE_HZ * 20 // 1000


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """Samples from `start` up to, not including, `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CallTimeline:
    """Both sides of a call as the phone's owner experienced them, from the same first moment."""

    said: Samples
    heard: Samples


def ms(samples: int) -> float:
    """A number of samples as time."""
    return samples * 1000 / SAMPLE_RATE_HZ


def speech(samples: Samples, within: SoundSpan) -> SoundSpan | None:
    """From the first to the last 5 ms of speech in a part of a recording, None when it is silent."""
    part = samples[within.start : within.end].astype(np.float64)
    windows = part[: len(part) // WINDOW * WINDOW].reshape(-1, WINDOW)
    level = windows.std(axis=1) if len(windows) else np.zeros(1)
    if level.max() < SOUND:
        return None
    loud = np.flatnonzero(level >= max(SOUND, level.max() * 10 ** (-SPEECH_RANGE_DB / 20)))
    return SoundSpan(within.start + int(loud[0]) * WINDOW, within.start + (int(loud[-1]) + 1) * WINDOW)


def response_ms(timeline: CallTimeline, said: SoundSpan) -> float | None:
    """From the last speech sample of `said` to the first sample of the next prompt.

    None when `said` is silent, when a prompt was still to be heard at its end, or when none followed.
    """
    spoken = speech(timeline.said, said)
    if spoken is None or _sounds(timeline.heard[max(0, spoken.end - QUIET_BEFORE) : spoken.end]).size:
        return None
    after = _sounds(timeline.heard[spoken.end :])
    return ms(int(after[0])) if after.size else None


def stop_ms(timeline: CallTimeline, onset: int, quiet_ms: int = 200) -> float | None:
    """From `onset` (speech or key) to the last sample heard of the prompt that it stopped.

    The prompt has stopped when `quiet_ms` of silence follow. None when no prompt was to be heard at the onset or it
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
