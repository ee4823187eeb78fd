"""Recognition of a trial under a condition, as on a call: decision, confidence, processor time.

Must not know: where trials come from, tables, plots.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from recognizer.base import FRAME_BYTES, FRAME_MS, Hypothesis
from recognizer.confidence import CONFIRM_BELOW, REJECT_BELOW, Evidence, confidence
from recognizer.decoding import AnswerDecoding
from recognizer.endpoint import VoiceActivity
from recognizer.evaluation.conditions import CONDITIONS
from recognizer.evaluation.trials import Half, How, Trial
from recognizer.model import SpeechModel
from recognizer.training.corpus import Samples

CLOSE: Final = 0.1
"""Hypotheses with different meanings closer than this are confirmed, as in flows."""

SURE_VOICE: Final = 0.3
VOICE_MS: Final = 140
"""Minimum voice in an answer, of at least probability SURE_VOICE (Silero), as in `ivr/turntaking/timing.py`."""

Band = Literal["accept", "confirm", "again"]


@dataclass(frozen=True, slots=True)
class TrialReading:
    """One hypothesis. `right`: its meaning is that of the spoken answer."""

    meaning: str
    right: bool
    confidence: float
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class HeardTrial:
    """The result of one trial. `readings` are the hypotheses, best first; times are processor times in seconds."""

    question: str
    said: str
    length: int
    how: How
    speaker: str
    half: Half
    condition: str
    readings: tuple[TrialReading, ...]
    audio_s: float
    spent_s: float
    answered_s: float

    @property
    def answer(self) -> bool:
        """Whether the trial contains an answer."""
        return bool(self.said)

    @property
    def synthetic(self) -> bool:
        """Whether the sound is computer-generated."""
        return self.how in {"synthetic", "tones and music"}

    @property
    def right(self) -> bool:
        """Whether the best hypothesis has the meaning of the spoken answer."""
        return bool(self.readings) and self.readings[0].right

    @property
    def band(self) -> Band:
        """The service's decision."""
        if not self.readings or self.readings[0].confidence < REJECT_BELOW:
            return "again"
        best = self.readings[0]
        rivals = (one.confidence for one in self.readings if one.meaning != best.meaning)
        close = best.confidence - max(rivals, default=0.0) < CLOSE
        return "confirm" if close or best.confidence < CONFIRM_BELOW else "accept"

    def judged(self) -> HeardTrial:
        """Return the result with confidences recomputed by the current weights."""
        again = (replace(one, confidence=confidence(one.evidence)) for one in self.readings)
        return replace(self, readings=tuple(sorted(again, key=lambda one: -one.confidence)))


def hear(model: SpeechModel, trial: Trial, condition: str, others: Sequence[Samples]) -> HeardTrial:
    """Feed a trial to a model that has learnt its phrases, in frames of 20 ms; `others` are background voices.

    If turn-taking would detect no voice in the audio, there are no hypotheses.
    """
    rng = np.random.default_rng(zlib.crc32(f"{condition} {trial.speaker} {trial.said}".encode()))
    pcm = CONDITIONS[condition](trial.sound, rng, others)
    seen: dict[str, Evidence] = {}

    def judge(evidence: Evidence) -> float:
        seen[evidence.text] = evidence
        return confidence(evidence)

    begun = time.thread_time()
    listening = AnswerDecoding(model, trial.question.grammar, judge)
    for place in range(0, len(pcm), FRAME_BYTES):
        listening.feed(pcm[place : place + FRAME_BYTES])
    fed = time.thread_time()
    heard = listening.read()
    done = time.thread_time()
    if heard and _voice_ms(pcm) < VOICE_MS:
        heard = ()
    return HeardTrial(
        question=trial.question.name,
        said=trial.said,
        length=trial.length,
        how=trial.how,
        speaker=trial.speaker,
        half=trial.half,
        condition=condition,
        readings=tuple(_reading(trial, one, seen[one.text]) for one in heard),
        audio_s=len(pcm) / FRAME_BYTES / 50,
        spent_s=done - begun,
        answered_s=done - fed,
    )


def _voice_ms(pcm: bytes) -> int:
    """Return the duration of frames that Silero classifies as voice (ms)."""
    activity = VoiceActivity()
    whole = len(pcm) // FRAME_BYTES * FRAME_BYTES
    frames = (activity.frame(pcm[place : place + FRAME_BYTES]) for place in range(0, whole, FRAME_BYTES))
    return FRAME_MS * sum(frame.silero >= SURE_VOICE for frame in frames)


def _reading(trial: Trial, heard: Hypothesis, evidence: Evidence) -> TrialReading:
    meaning = trial.question.meaning(heard.text)
    right = bool(trial.said) and meaning == trial.question.meaning(trial.said)
    return TrialReading(meaning, right, heard.confidence, evidence)
