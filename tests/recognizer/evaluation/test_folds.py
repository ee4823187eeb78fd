"""The models of folds, from networks as training keeps them to what Vosk loads."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason='torch is not here: pip install ".[training]"')
from recognizer.evaluation.folds import unfold  # noqa: E402
from recognizer.model import open_model  # noqa: E402
from recognizer.training.export import load, save  # noqa: E402
from recognizer.training.kaldi import read_layers  # noqa: E402
from recognizer.training.network import Network, Shape  # noqa: E402
from recognizer.vosk import SHIPPED  # noqa: E402


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A Mandarin model that lies where others may lie beside it."""
    folder = tmp_path / "models" / "zh-small-8k"
    folder.parent.mkdir()
    folder.symlink_to(SHIPPED["zh-CN"])
    return folder


def networks(folder: Path, count: int) -> list[Network]:
    torch.manual_seed(1)
    made = [Network(Shape(first=8, width=12, depth=2)).eval() for _ in range(count)]
    for number, network in enumerate(made):
        save(network, folder / f"{number}.pt")
    return made


def test_each_fold_becomes_a_model_of_the_language(model: Path, tmp_path: Path) -> None:
    kept = networks(model.parent / "folds", 3)
    found = unfold(model, "zh-CN", tmp_path / "out")
    assert len(found) == 3
    for network, folder in zip(kept, found, strict=True):
        weights, _ = next(iter(read_layers(folder / "am" / "final.mdl")))
        assert abs(weights - network.kaldi_layers()[0].weights).max() < 1e-3
        open_model("zh-CN", folder, tmp_path / "graphs").learn(["满意"])


def test_a_network_kept_in_16_bits_hears_the_same(tmp_path: Path) -> None:
    (network,) = networks(tmp_path, 1)
    features = torch.randn(1, 90, 40)
    assert torch.allclose(load(tmp_path / "0.pt")(features)[0], network(features)[0], atol=1e-2)


def test_a_model_without_folds_has_none(model: Path, tmp_path: Path) -> None:
    assert unfold(model, "zh-CN", tmp_path / "out") == ()


def test_a_fold_that_is_missing_is_named(model: Path, tmp_path: Path) -> None:
    networks(model.parent / "folds", 2)
    with pytest.raises(FileNotFoundError, match=r"2\.pt"):
        unfold(model, "zh-CN", tmp_path / "out")
