"""Voice detection: classifies frames as the caller's voice with a degree of certainty, and joins them into utterances.

Must not know: prompts' texts, questions, what was said, asyncio, any clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Protocol

from ivr.telephony.media import FRAME_MS
from ivr.turntaking.timing import Timing

SILENT_DBOV = -inf


class FrameActivity(Protocol):
    """Voice activity of one frame; implemented by `recognizer.endpoint.DetectedActivity`."""

    @property
    def level_dbov(self) -> float:
        """RMS level in dB relative to full scale: 0 at most, -inf for digital silence."""

    @property
    def webrtc(self) -> bool:
        """Whether webrtcvad classifies the frame as voice."""

    @property
    def silero(self) -> float:
        """Silero's probability of voice, 0 to 1."""


@dataclass(frozen=True, slots=True)
class JudgedFrame:
    """A classified frame. `sure` implies `suspect` implies `voiced`; `confirmed` also depends on preceding frames."""

    voiced: bool
    suspect: bool
    sure: bool
    webrtc: bool
    confirmed: bool


class VoiceClassifier:
    """Classifies consecutive frames, treating the echo of our own prompt as silence."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._sure: deque[bool] = deque(maxlen=timing.confirm_of_frames)
        self._played: deque[tuple[int, float]] = deque()

    def classify(self, at_ms: int, activity: FrameActivity, prompt_dbov: float) -> JudgedFrame:
        """Classify the frame that ends at `at_ms`, with our prompt playing at `prompt_dbov`."""
        echo = activity.level_dbov < self._prompt_peak(at_ms, prompt_dbov) - self._timing.echo_gate_db
        percent = 0.0 if echo else activity.silero * 100
        self._sure.append(percent >= self._timing.sure_percent)
        return JudgedFrame(
            voiced=percent >= self._timing.active_percent,
            suspect=percent >= self._timing.suspect_percent,
            sure=self._sure[-1],
            webrtc=activity.webrtc and not echo,
            confirmed=sum(self._sure) >= self._timing.confirm_frames,
        )

    def _prompt_peak(self, at_ms: int, prompt_dbov: float) -> float:
        self._played.append((at_ms, prompt_dbov))
        while self._played[0][0] <= at_ms - self._timing.echo_window_ms:
            self._played.popleft()
        return max(level for _, level in self._played)


class Utterance:
    """A continuous stretch of the caller's voice, including pauses. Times are ms on the call's clock.

    `voice_ms` is the amount of suspected voice in it, `sure_ms` the amount of sure voice.
    """

    def __init__(self, at_ms: int, judged: JudgedFrame, timing: Timing) -> None:
        self._timing = timing
        self.start_ms = at_ms - FRAME_MS
        self.from_ms = max(0, self.start_ms - timing.preroll_ms)
        self.voice_ms = FRAME_MS
        self.sure_ms = FRAME_MS * judged.sure
        self.last_ms = at_ms
        self._last_voiced_ms = at_ms

    def add(self, at_ms: int, judged: JudgedFrame) -> bool:
        """Add the next frame; return whether the voice continues in it."""
        if judged.suspect:
            self.voice_ms += FRAME_MS
        if judged.sure:
            self.sure_ms += FRAME_MS
        if judged.voiced:
            self._last_voiced_ms = at_ms
        continues = judged.voiced or (judged.webrtc and at_ms <= self._last_voiced_ms + self._timing.webrtc_hold_ms)
        if continues:
            self.last_ms = at_ms
        return continues

    def trim_start(self, at_ms: int) -> None:
        """Discard everything before `at_ms`."""
        self.from_ms = max(self.from_ms, at_ms)
        self.start_ms = max(self.start_ms, at_ms)
        self.voice_ms = min(self.voice_ms, self.last_ms - self.start_ms)
        self.sure_ms = min(self.sure_ms, self.voice_ms)
