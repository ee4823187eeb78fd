from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.prompts.audio import LEVEL_DBOV, PEAK_DBOV, PromptSound, Samples, level_dbov, peak_dbov, prepare, write_wav
from ivr.prompts.recording import read_sound

MakeTone = Callable[..., Samples]


def test_the_level_of_a_tone_is_its_power(tone: MakeTone) -> None:
    assert level_dbov(tone(-30)) == pytest.approx(-30, abs=0.05)


def test_silence_around_speech_does_not_lower_its_level(tone: MakeTone) -> None:
    silence = np.zeros(8000, np.float32)
    assert level_dbov(np.concatenate([silence, tone(-30), silence])) == pytest.approx(-30, abs=0.05)


def test_noise_far_below_speech_does_not_lower_its_level(tone: MakeTone) -> None:
    assert level_dbov(np.concatenate([tone(-30), tone(-55, seconds=3)])) == pytest.approx(-30, abs=0.05)


def test_silence_has_no_level(tone: MakeTone) -> None:
    assert level_dbov(np.zeros(800, np.float32)) == -np.inf
    assert level_dbov(np.zeros(0, np.float32)) == -np.inf


@pytest.mark.parametrize("level", [-50, -22, -6])
@pytest.mark.parametrize("seconds", [0.08, 2])
def test_any_loudness_and_length_give_the_same_level(tone: MakeTone, level: float, seconds: float) -> None:
    samples = prepare(PromptSound(tone(level, seconds, rate_hz=22050), 22050))
    assert level_dbov(samples) == pytest.approx(LEVEL_DBOV, abs=0.1)


def test_peaks_are_limited_without_losing_the_level(tone: MakeTone) -> None:
    speech = tone(-30, 2)
    speech[4000:12000:400] *= 12
    samples = prepare(PromptSound(speech, 8000))
    assert peak_dbov(samples) <= PEAK_DBOV + 0.01
    assert level_dbov(samples) == pytest.approx(LEVEL_DBOV, abs=0.2)


def test_silence_is_trimmed_at_both_ends(tone: MakeTone) -> None:
    silence = np.zeros(16000, np.float32)
    samples = prepare(PromptSound(np.concatenate([silence, tone(-20, 0.5), silence]), 8000))
    assert 0.5 <= samples.size / 8000 <= 0.6


def test_a_constant_offset_after_speech_is_silence(tone: MakeTone) -> None:
    held = np.full(4000, 0.004, np.float32)
    samples = prepare(PromptSound(np.concatenate([tone(-20, 0.5), held]), 8000))
    assert samples.size / 8000 <= 0.6


def test_both_ends_fade(tone: MakeTone) -> None:
    samples = prepare(PromptSound(tone(-20, 0.5), 8000))
    assert samples[0] == 0
    assert samples[-1] == 0
    assert np.abs(np.diff(samples)).max() < np.abs(np.diff(tone(LEVEL_DBOV))).max() * 1.1


def test_sound_above_the_telephone_band_does_not_alias(tone: MakeTone) -> None:
    low, high = tone(-20, 1, 1000, 22050), tone(-20, 1, 6000, 22050)
    samples = prepare(PromptSound(low + high, 22050))[400:-400]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    hz = np.fft.rfftfreq(samples.size, 1 / 8000)
    folded = spectrum[(hz > 1500) & (hz < 3500)].max()
    assert 20 * np.log10(folded / spectrum.max()) < -70


@pytest.mark.parametrize(
    "samples", [np.zeros(8000, np.float32), np.zeros(0, np.float32), np.full(8000, 0.1, np.float32)]
)
def test_pure_silence_is_rejected(samples: Samples) -> None:
    with pytest.raises(ValueError, match="it contains no speech"):
        prepare(PromptSound(samples, 8000))


def test_a_file_reads_back_as_written(tmp_path: Path, tone: MakeTone) -> None:
    write_wav(tmp_path / "a.wav", tone())
    sound = read_sound((tmp_path / "a.wav").read_bytes())
    assert sound.rate_hz == 8000
    assert np.abs(sound.samples - tone()).max() < 1e-4
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(("channels", "width"), [(1, 1), (2, 2), (2, 3), (1, 4)])
def test_recordings_of_any_format_are_read(tmp_path: Path, tone: MakeTone, channels: int, width: int) -> None:
    whole = (tone(rate_hz=44100).astype(np.float64) * (2 ** (8 * width - 1) - 1)).round().astype("<i4")
    bytes_each = whole.view("u1").reshape(-1, 4)[:, :width] if width > 1 else (whole + 128).astype("u1")[:, None]
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(44100)
        file.writeframes(np.tile(bytes_each, (1, channels)).tobytes())
    sound = read_sound((tmp_path / "a.wav").read_bytes())
    assert sound.rate_hz == 44100
    assert np.abs(sound.samples - tone(rate_hz=44100)).max() < 0.02


@pytest.mark.parametrize("content", [b"", b"no sound at all", b"RIFF\x00\x00\x00\x00WAVE"])
def test_a_file_that_is_not_wav_is_rejected(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is not a WAV file"):
        read_sound(content)
