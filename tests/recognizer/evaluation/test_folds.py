"""The models of folds, from the layers that training stores to the model that Vosk loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recognizer.evaluation.folds import fold_models
from recognizer.model import open_model
from recognizer.training.inventory import OUTPUTS
from recognizer.training.kaldi import read_layers
from recognizer.training.layers import Layer, load, save
from recognizer.vosk import SHIPPED


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A Mandarin model in a folder that has room for the folds beside it."""
    folder = tmp_path / "models" / "zh-small-8k"
    folder.parent.mkdir()
    folder.symlink_to(SHIPPED["zh-CN"])
    return folder


def layers(seed: int) -> list[Layer]:
    """The layers of a tiny network with random weights."""
    chance = np.random.default_rng(seed)
    return [
        Layer((-1, 0, 1), chance.normal(size=(8, 120)), chance.normal(size=8), rectified=True),
        Layer((0,), chance.normal(size=(OUTPUTS, 8)), chance.normal(size=OUTPUTS), rectified=False),
    ]


def test_each_fold_becomes_a_model_of_the_language(model: Path, tmp_path: Path) -> None:
    for fold in range(3):
        save(layers(fold), model.parent / "folds" / f"{fold}.npz")
    found = fold_models(model, "zh-CN", tmp_path / "out")
    assert len(found) == 3
    for fold, folder in enumerate(found):
        weights, _ = next(iter(read_layers(folder / "am" / "final.mdl")))
        assert abs(weights - layers(fold)[0].weights).max() < 2e-3
        open_model("zh-CN", folder, tmp_path / "graphs").learn(["满意"])


def test_layers_are_kept_in_16_bits(tmp_path: Path) -> None:
    save(layers(1), tmp_path / "0.npz")
    for kept, made in zip(load(tmp_path / "0.npz"), layers(1), strict=True):
        assert (kept.offsets, kept.rectified) == (made.offsets, made.rectified)
        assert np.allclose(kept.weights, made.weights, atol=2e-3)
        assert np.allclose(kept.bias, made.bias, atol=2e-3)


def test_a_model_without_folds_has_none(model: Path, tmp_path: Path) -> None:
    assert fold_models(model, "zh-CN", tmp_path / "out") == ()


def test_a_fold_that_is_missing_is_named(model: Path, tmp_path: Path) -> None:
    for fold in range(2):
        save(layers(fold), model.parent / "folds" / f"{fold}.npz")
    with pytest.raises(FileNotFoundError, match=r"2\.npz"):
        fold_models(model, "zh-CN", tmp_path / "out")
