from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install ".[training]"')
from recognizer.audio import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm  # noqa: E402
from recognizer.training import telephone  # noqa: E402
from recognizer.training.augment import WARPS, Augmenter  # noqa: E402
from recognizer.training.features import Fbank, FrontEnd  # noqa: E402

Babble = Callable[[float], np.ndarray]


def error_db(one: np.ndarray, other: np.ndarray) -> float:
    """The error of the second signal against the first, in dB."""
    difference = one.astype(float) - other
    return float(10 * np.log10(np.square(difference).mean() / np.square(one.astype(float)).mean()))


def test_simulated_codecs_distort_as_much_as_real_ones(babble: Babble) -> None:
    samples = babble(1.0)
    given = torch.from_numpy(samples.astype(np.float32))[None]
    real_mu = np.frombuffer(ulaw_to_pcm(pcm_to_ulaw(samples.tobytes())), "<i2")
    real_a = np.frombuffer(alaw_to_pcm(pcm_to_alaw(samples.tobytes())), "<i2")
    assert error_db(samples, telephone.mu_law(given)[0].numpy()) == pytest.approx(error_db(samples, real_mu), abs=3)
    assert error_db(samples, telephone.a_law(given)[0].numpy()) == pytest.approx(error_db(samples, real_a), abs=3)


def test_lost_packets_are_silent_or_repeated_and_few() -> None:
    samples = torch.arange(160 * 100, dtype=torch.float32).repeat(200, 1) + 1
    lossy = telephone.lose_packets(samples, torch.Generator().manual_seed(0))
    changed = (lossy != samples).reshape(200, 100, 160)
    assert torch.equal(changed.all(2), changed.any(2))
    assert 0.1 < changed.any((1, 2)).float().mean() < 0.3
    assert 0 < changed.float().mean() < 0.02


def test_features_of_calls_are_many_and_finite(babble: Babble) -> None:
    samples = torch.from_numpy(np.stack([babble(1.0)] * 32).astype(np.float32))
    fbank = Fbank(FrontEnd(), WARPS)
    augment = Augmenter(fbank, torch.randn(3, 8000) * 500, torch.rand(2, 2000), seed=0)
    made = augment(samples)
    assert made.shape == (32, int(FrontEnd().frames(torch.tensor(8000))), 40)
    assert torch.isfinite(made).all()
    assert len(torch.unique(made[:, 10, 10])) == 32


def test_digital_silence_stays_finite() -> None:
    augment = Augmenter(Fbank(FrontEnd(), WARPS), torch.zeros(0, 8000), torch.zeros(0, 2000), seed=0)
    assert torch.isfinite(augment(torch.zeros(8, 8000))).all()
