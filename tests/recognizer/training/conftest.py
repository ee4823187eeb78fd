from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recognizer.training.phone_lm import PhoneLM
from recognizer.training.transcripts import of_text

if TYPE_CHECKING:
    from recognizer.training.network import AcousticNetwork

_BANDS = 40
_TEXTS = ("满意", "不满意", "一般", "八分", "九分", "可以", "没有")


@pytest.fixture(scope="session")
def lm() -> PhoneLM:
    """A phone language model of a few answers."""
    return PhoneLM.of(map(of_text, _TEXTS))


@pytest.fixture
def network() -> AcousticNetwork:
    """A tiny network with random weights and different outputs."""
    import torch

    from recognizer.training.network import AcousticNetwork, Shape

    torch.manual_seed(3)
    made = AcousticNetwork(Shape(_BANDS, first=8, width=12, depth=2))
    torch.nn.init.normal_(made.out.weight, std=1.0)
    made.mean.fill_(8.0)
    made.deviation.fill_(3.0)
    with torch.no_grad():
        made(torch.randn(4, 200, _BANDS) * 3 + 8)
    made.eval()
    return made


@pytest.fixture
def exported(network: AcousticNetwork, lm: PhoneLM, tmp_path: Path) -> Path:
    """The folder of the exported network."""
    from recognizer.training.export import export
    from recognizer.training.features import FrontEnd

    export(network.kaldi_layers(), FrontEnd(), lm, "zh", tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def babble() -> Callable[[float], np.ndarray]:
    """`babble(seconds)` returns loud sound as 16-bit samples."""

    def make(seconds: float) -> np.ndarray:
        time = np.arange(int(8000 * seconds)) / 8000
        sweep = np.sin(2 * np.pi * (200 + 900 * time) * time) + np.random.default_rng(1).normal(size=len(time)) * 0.3
        return (sweep * 6000).astype("<i2")

    return make
