"""A tiny training from beginning to end, broken off and taken up again."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not here: pip install ".[training]"')
from recognizer.training import clips  # noqa: E402
from recognizer.training.augment import WARPS, Augmenter  # noqa: E402
from recognizer.training.batches import Share, batch, epoch  # noqa: E402
from recognizer.training.clips import Clips  # noqa: E402
from recognizer.training.features import Fbank, FrontEnd  # noqa: E402
from recognizer.training.inventory import NUMBER, phones_of  # noqa: E402
from recognizer.training.network import Network, Shape  # noqa: E402
from recognizer.training.phone_lm import PhoneLM  # noqa: E402
from recognizer.training.starting import start_from  # noqa: E402
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
    """Of a network whose every step takes a second."""
    torch.manual_seed(0)
    augment = Augmenter(Fbank(FRONT, WARPS), torch.zeros(0, 8000), torch.zeros(0, 2000), seed=0)
    network = Network(Shape(FRONT.bands, first=16, width=24, depth=1))
    network.mean.fill_(9.0)
    network.deviation.fill_(3.0)
    seconds = itertools.count()
    return Trainer(network, augment, FRONT, lm, Plan(minutes, rate=2e-2), clock=lambda: float(next(seconds)))


def test_training_learns_and_goes_on_where_it_was(
    lm: PhoneLM, shares: list[Share], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    checkpoint = tmp_path / "checkpoint.pt"
    first = trainer(lm, minutes=10 / 60)
    first.train(shares, checkpoint)
    assert checkpoint.is_file()
    again = trainer(lm, minutes=30 / 60)
    again.restore(checkpoint)
    again.train(shares, checkpoint)
    assert "going on after" in caplog.text
    done = trainer(lm, minutes=30 / 60)
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


def test_a_network_of_both_languages_begins_where_a_mandarin_model_left_off(exported: Path, network: Network) -> None:
    torch.manual_seed(1)
    samples = torch.randn(24, 8000) * 2000
    begun = Network(network.shape)
    features = Fbank(FRONT)(samples)
    begun.mean.copy_(features.mean((0, 1)))
    begun.deviation.fill_(2.0)
    start_from(exported, begun, Fbank(FRONT), samples)
    before, after = network(features)[0], begun.eval()(features)[0]
    mandarin = [2 * NUMBER[name] + part for name in phones_of("zh") for part in (0, 1)]
    assert (before - after)[..., mandarin].abs().max() < 0.02 * before.abs().max()
    like_s, thing = 2 * NUMBER["i_s"], 2 * NUMBER["e_th"]
    assert torch.equal(after[..., thing], after[..., like_s])
