import math
from collections.abc import Callable

import numpy as np
import pytest

from recognizer.audio import (
    SILENCE_DBOV,
    alaw_to_pcm,
    amplify,
    is_tone,
    level_dbov,
    pcm_to_alaw,
    pcm_to_ulaw,
    resample,
    speech_level_dbov,
    ulaw_to_pcm,
)

CODES = bytes(range(256))


def tone(hertz: float, *, rate: int = 8000, seconds: float = 1.0, peak: float = 16384) -> bytes:
    time = np.arange(int(rate * seconds)) / rate
    return (np.sin(2 * math.pi * hertz * time) * peak).astype("<i2").tobytes()


def test_every_ulaw_code_survives_decoding_and_encoding() -> None:
    zeros = {0x7F: 0xFF}
    assert pcm_to_ulaw(ulaw_to_pcm(CODES)) == bytes(zeros.get(code, code) for code in CODES)


def test_every_alaw_code_survives_decoding_and_encoding() -> None:
    assert pcm_to_alaw(alaw_to_pcm(CODES)) == CODES


@pytest.mark.parametrize(("code", "sample"), [(0xFF, 0), (0x80, 32124), (0x00, -32124)])
def test_ulaw_follows_the_standard(code: int, sample: int) -> None:
    assert np.frombuffer(ulaw_to_pcm(bytes([code])), "<i2")[0] == sample


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_a_tone_keeps_its_pitch_and_level_at_another_rate(rate: int) -> None:
    pcm = resample(tone(1000, rate=rate), rate)
    assert len(pcm) == pytest.approx(16000, abs=4)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(pcm, "<i2")))
    assert np.argmax(spectrum) == pytest.approx(1000, abs=1)
    assert level_dbov(pcm) == pytest.approx(level_dbov(tone(1000)), abs=0.1)


def test_resampling_removes_sound_above_4_khz() -> None:
    assert level_dbov(resample(tone(6000, rate=16000), 16000)) < -60


def test_the_same_rate_changes_nothing() -> None:
    assert resample(tone(440), 8000) == tone(440)


def test_a_full_scale_sine_is_3_db_below_overload() -> None:
    assert level_dbov(tone(1000, peak=32767)) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("nothing", [b"", bytes(320)])
def test_silence_has_the_lowest_level(nothing: bytes) -> None:
    assert level_dbov(nothing) == SILENCE_DBOV
    assert speech_level_dbov(nothing) == SILENCE_DBOV


def test_pauses_do_not_count_in_the_level_of_speech() -> None:
    pcm = tone(300) + bytes(8000 * 2 * 9)
    assert level_dbov(pcm) == pytest.approx(level_dbov(tone(300)) - 10, abs=0.1)
    assert speech_level_dbov(pcm) == pytest.approx(level_dbov(tone(300)), abs=0.1)


def test_gain_is_in_decibels_and_clips_at_full_scale() -> None:
    assert level_dbov(amplify(tone(300, peak=1000), 20)) == pytest.approx(level_dbov(tone(300, peak=10000)), abs=0.05)
    assert max(np.frombuffer(amplify(tone(300, peak=20000), 12), "<i2")) == 32767


@pytest.mark.parametrize("pcm", [tone(450), tone(425), tone(440, peak=300)])
def test_a_tone_is_a_tone(pcm: bytes) -> None:
    assert is_tone(pcm)
    assert is_tone(ulaw_to_pcm(pcm_to_ulaw(pcm)))
    assert is_tone(bytes(3200) + pcm + bytes(3200))


def test_a_key_is_a_tone() -> None:
    low, high = (np.frombuffer(tone(hertz, peak=6000), "<i2") for hertz in (770, 1336))
    assert is_tone((low + high).astype("<i2").tobytes())


@pytest.mark.parametrize("name", ["en", "bafen", "manyi", "kuaidi_fang_menkou"])
def test_speech_is_no_tone(clip: Callable[[str], bytes], name: str) -> None:
    assert not is_tone(clip(name))


@pytest.mark.parametrize("pcm", [b"", bytes(3200), bytes(2)])
def test_silence_is_no_tone(pcm: bytes) -> None:
    assert not is_tone(pcm)
