from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install ".[training]"')
from recognizer.training.features import Fbank, FrontEnd  # noqa: E402


def reference(samples: np.ndarray, front: FrontEnd) -> np.ndarray:
    """Kaldi's steps one by one (feature-window.cc, feature-fbank.cc, mel-computations.cc)."""

    def mel(hertz: float) -> float:
        return 1127.0 * np.log(1 + hertz / 700)

    size = 1 << (front.window - 1).bit_length()
    place = np.arange(front.window)
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * place / (front.window - 1))) ** 0.85
    step = (mel(3800) - mel(front.lowest_hz)) / (front.bands + 1)
    rows = []
    for start in range(0, len(samples) - front.window + 1, front.shift):
        frame = samples[start : start + front.window].astype(np.float64)
        frame = frame - frame.mean()
        frame = np.concatenate([[frame[0] - 0.97 * frame[0]], frame[1:] - 0.97 * frame[:-1]]) * povey
        power = np.abs(np.fft.rfft(frame, size)) ** 2
        row = []
        for band in range(front.bands):
            left = mel(front.lowest_hz) + band * step
            centre, right = left + step, left + 2 * step
            energy = 0.0
            for number in range(size // 2):
                at = mel(number * 8000 / size)
                if left < at < right:
                    energy += power[number] * ((at - left) if at <= centre else (right - at)) / step
            row.append(np.log(max(energy, np.finfo(np.float32).eps)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("front", [FrontEnd(), FrontEnd(bands=24, lowest_hz=100.0, frame_ms=25)])
def test_features_are_those_of_kaldi(front: FrontEnd, babble: Callable[[float], np.ndarray]) -> None:
    samples = babble(0.4)
    made = Fbank(front)(torch.from_numpy(samples.astype(np.float32))[None])[0].numpy()
    assert made.shape == reference(samples, front).shape
    assert np.abs(made - reference(samples, front)).max() < 5e-3


def test_a_front_end_reads_back_its_own_kaldi_options(tmp_path: Path) -> None:
    front = FrontEnd(bands=32, lowest_hz=80.0, frame_ms=25)
    (tmp_path / "fbank.conf").write_text(front.conf())
    assert FrontEnd.of(tmp_path / "fbank.conf") == front


def test_every_band_has_energy_of_its_own() -> None:
    hiss = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0)) * 1000
    bands = Fbank(FrontEnd())(hiss)[0]
    assert bands.min() > 0


def test_a_longer_vocal_tract_sounds_lower() -> None:
    time = torch.arange(4000) / 8000
    tone = (torch.sin(2 * torch.pi * 1000 * time) * 5000)[None]
    fbank = Fbank(FrontEnd(), (0.84, 1.0, 1.18))
    short, plain, long = (int(fbank(tone, torch.tensor([warp]))[0].mean(0).argmax()) for warp in range(3))
    assert long < plain < short
