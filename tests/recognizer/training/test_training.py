"""A tiny training from beginning to end, broken off and taken up again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not here: pip install ".[training]"')
from recognizer.training import clips  # noqa: E402
from recognizer.training.augment import WARPS, Augmenter  # noqa: E402
from recognizer.training.batches import Share, batch, epoch  # noqa: E402
from recognizer.training.clips import Clips  # noqa: E402
from recognizer.training.features import Fbank, FrontEnd  # noqa: E402
from recognizer.training.network import Network, Shape  # noqa: E402
from recognizer.training.phone_lm import PhoneLM  # noqa: E402
from recognizer.training.training import Plan, Trainer  # noqa: E402
from recognizer.training.transcripts import of_text  # noqa: E402

FRONT = FrontEnd()


@pytest.fixture
def shares(tmp_path: Path) -> list[Share]:
    """Two words, each a pitch of its own, and silence."""
    chance = np.random.default_rng(0)
    made = []
    for _ in range(40):
        for text, pitch in (("八", 400), ("六", 1500)):
            time = np.arange(int(8000 * chance.uniform(0.5, 0.8))) / 8000
            made.append(((np.sin(2 * np.pi * pitch * time) * 8000).astype(np.int16), of_text(text)))
        made.append((chance.normal(size=4000).astype(np.int16), ()))
    clips.write(tmp_path / "store", made)
    return [Share(Clips(tmp_path / "store"), 1.0)]


def trainer(lm: PhoneLM, minutes: float) -> Trainer:
    torch.manual_seed(0)
    augment = Augmenter(Fbank(FRONT, WARPS), torch.zeros(0, 8000), torch.zeros(0, 2000), seed=0)
    network = Network(Shape(FRONT.bands, first=16, width=24, depth=1))
    network.mean.fill_(9.0)
    network.deviation.fill_(3.0)
    return Trainer(network, augment, FRONT, lm, Plan(minutes, rate=5e-3))


def test_training_learns_and_goes_on_where_it_was(
    lm: PhoneLM, shares: list[Share], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    checkpoint = tmp_path / "checkpoint.pt"
    first = trainer(lm, minutes=0.03)
    first.train(shares, checkpoint)
    assert checkpoint.is_file()
    again = trainer(lm, minutes=0.06)
    again.restore(checkpoint)
    again.train(shares, checkpoint)
    assert "going on after" in caplog.text
    done = trainer(lm, minutes=0.06)
    done.restore(checkpoint)
    weights = [parameter.clone() for parameter in done.network.parameters()]
    done.train(shares, checkpoint)
    assert all(map(torch.equal, weights, done.network.parameters()))
    features = Fbank(FRONT)(batch(epoch(shares, 0)[0]).samples)
    untrained = trainer(lm, 1.0)
    assert untrained.network(features)[0].std() < done.network(features)[0].std()


def test_an_epoch_goes_through_everything_as_often_as_it_should(shares: list[Share]) -> None:
    def count(times: float) -> int:
        return sum(len(group) for group in epoch([Share(shares[0].clips, times)], seed=1))

    assert [count(times) for times in (0.5, 1.0, 2.25)] == [60, 120, 270]
