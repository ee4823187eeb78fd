"""Voice activity, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from recognizer.audio import SILENCE_DBOV
from recognizer.base import FRAME_BYTES, SAMPLE_RATE_HZ
from recognizer.endpoint import DetectedActivity, VoiceActivity

SPEECH = Path(__file__).parents[3] / "shared" / "speech"


def activities(samples: np.ndarray, stream: VoiceActivity | None = None) -> list[DetectedActivity]:
    stream = stream or VoiceActivity()
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    whole = len(pcm) // FRAME_BYTES * FRAME_BYTES
    return [stream.frame(pcm[at : at + FRAME_BYTES]) for at in range(0, whole, FRAME_BYTES)]


def tone(hz: float, seconds: float, amplitude: float) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(SAMPLE_RATE_HZ * seconds)) / SAMPLE_RATE_HZ)


@pytest.fixture(scope="module")
def sentence() -> np.ndarray:
    """A Mandarin sentence at 8 kHz, with a second of silence on both sides."""
    if not SPEECH.is_dir():
        pytest.skip("../shared/speech is absent")
    path = min((SPEECH / "zh_sentences_aishell1").rglob("*.flac"))
    samples, rate = soundfile.read(path, dtype="float32")
    quiet = np.zeros(SAMPLE_RATE_HZ, np.float32)
    return np.concatenate([quiet, soxr.resample(samples, rate, SAMPLE_RATE_HZ), quiet])


def test_silence_is_no_voice() -> None:
    heard = activities(np.zeros(SAMPLE_RATE_HZ))
    assert {activity.level_dbov for activity in heard} == {SILENCE_DBOV}
    assert not any(activity.webrtc for activity in heard)
    assert max(activity.silero for activity in heard) < 0.05


def test_the_level_is_relative_to_overload() -> None:
    heard = activities(tone(1000, 0.2, 0.1))
    assert heard[5].level_dbov == pytest.approx(-23.0, abs=0.1)


def test_a_busy_tone_is_voice_to_webrtcvad_but_never_sure_voice_to_silero() -> None:
    on, off = tone(450, 0.35, 0.2), np.zeros(int(SAMPLE_RATE_HZ * 0.35))
    heard = activities(np.concatenate([on, off] * 10))
    assert any(activity.webrtc for activity in heard)
    assert max(activity.silero for activity in heard) < 0.5


def test_a_frame_of_another_length_is_rejected() -> None:
    with pytest.raises(ValueError, match="a frame must have 320 bytes, not 160"):
        VoiceActivity().frame(bytes(160))


@pytest.mark.shared
def test_a_sentence_is_voice_and_the_silence_around_it_is_not(sentence: np.ndarray) -> None:
    heard = activities(sentence)
    assert max(activity.silero for activity in heard[:45]) < 0.2
    assert sum(activity.silero > 0.5 for activity in heard[50:-50]) > 0.6 * (len(heard) - 100)
    assert not any(activity.silero > 0.05 or activity.webrtc for activity in heard[-25:])


@pytest.mark.shared
def test_calls_share_a_network_but_no_state(sentence: np.ndarray) -> None:
    alone = activities(sentence)
    speaking, quiet = VoiceActivity(), VoiceActivity()
    for at, expected in enumerate(alone):
        samples = sentence[at * 160 : (at + 1) * 160]
        assert activities(samples, speaking) == [expected]
        assert activities(np.zeros(160), quiet)[0].silero < 0.05
