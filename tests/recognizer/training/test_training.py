"""A tiny training from start to end, interrupted and resumed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install ".[training]"')
from recognizer.phones import SILENCE  # noqa: E402
from recognizer.training import clips  # noqa: E402
from recognizer.training.augment import WARPS, Augmenter  # noqa: E402
from recognizer.training.batches import Batch, BatchShare, batch, epoch  # noqa: E402
from recognizer.training.clips import ClipSound, ClipStore  # noqa: E402
from recognizer.training.even import even_alignment  # noqa: E402
from recognizer.training.features import Fbank, FrontEnd  # noqa: E402
from recognizer.training.inventory import NUMBER  # noqa: E402
from recognizer.training.network import AcousticNetwork, Shape  # noqa: E402
from recognizer.training.phone_lm import PhoneLM  # noqa: E402
from recognizer.training.training import Plan, Trainer  # noqa: E402
from recognizer.training.transcripts import of_text  # noqa: E402

FRONT = FrontEnd()


@pytest.fixture
def shares(tmp_path: Path) -> list[BatchShare]:
    """Two words, each with a pitch of its own, and silence."""
    chance = np.random.default_rng(0)
    made = []
    for _ in range(40):
        for text, pitch in (("八", 400), ("六", 1500)):
            time = np.arange(int(8000 * chance.uniform(0.5, 0.8))) / 8000
            made.append(ClipSound((np.sin(2 * np.pi * pitch * time) * 8000).astype(np.int16), of_text(text), "anna"))
        made.append(ClipSound(chance.normal(size=4000).astype(np.int16), ()))
    clips.write(tmp_path / "store", made)
    store = ClipStore(tmp_path / "store")
    return [BatchShare(store, store.all, 1.0)]


def trainer(lm: PhoneLM, minutes: float) -> Trainer:
    """A trainer of a small network, with a clock on which every step takes one second."""
    torch.manual_seed(0)
    augment = Augmenter(Fbank(FRONT, WARPS), torch.zeros(0, 8000), torch.zeros(0, 2000), seed=0)
    network = AcousticNetwork(Shape(FRONT.bands, first=16, width=24, depth=1))
    network.mean.fill_(9.0)
    network.deviation.fill_(3.0)
    seconds = itertools.count()
    return Trainer(network, augment, FRONT, lm, Plan(minutes, rate=2e-2), clock=lambda: float(next(seconds)))


def test_training_learns_and_resumes_from_its_checkpoint(
    lm: PhoneLM, shares: list[BatchShare], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    checkpoint = tmp_path / "checkpoint.pt"
    first = trainer(lm, minutes=10 / 60)
    first.train(shares, checkpoint)
    assert checkpoint.is_file()
    again = trainer(lm, minutes=30 / 60)
    again.restore(checkpoint)
    again.train(shares, checkpoint)
    assert "resuming after" in caplog.text
    done = trainer(lm, minutes=30 / 60)
    done.restore(checkpoint)
    weights = [parameter.clone() for parameter in done.network.parameters()]
    done.train(shares, checkpoint)
    assert all(map(torch.equal, weights, done.network.parameters()))
    features = Fbank(FRONT)(batch(epoch(shares, 0, 64)[0]).samples)
    untrained = trainer(lm, 1.0)
    assert untrained.network(features)[0].std() < done.network(features)[0].std()


def test_an_epoch_draws_the_share_of_each_store(shares: list[BatchShare]) -> None:
    def count(times: float) -> int:
        return sum(len(group) for group in epoch([replace(shares[0], times=times)], seed=1, most=64))

    for times, wanted in ((0.5, 60), (1.0, 120), (2.25, 270)):
        assert wanted - 16 < count(times) <= wanted


def test_the_clips_of_speakers_with_few_are_drawn_more_often(tmp_path: Path) -> None:
    sounds = [
        ClipSound(np.full(4000, 900, np.int16), of_text("八"), "anna" if number else "berta") for number in range(200)
    ]
    clips.write(tmp_path / "store", sounds)
    store = ClipStore(tmp_path / "store")
    drawn = [
        clip.speaker for group in epoch([BatchShare(store, store.all, 20.0)], seed=1, most=64) for _, clip in group
    ]
    assert 2 * 20 < drawn.count("berta") < 8 * 20


def test_a_batch_can_be_played_faster(shares: list[BatchShare]) -> None:
    time = torch.arange(8000) / 8000
    one = Batch(torch.sin(2 * torch.pi * 400 * time)[None] * 1000, torch.tensor([8000]), (of_text("八"),))
    fast = one.played(1.25)
    assert fast.samples.shape == (1, 6400)
    assert fast.lengths.tolist() == [6400]
    assert int(torch.fft.rfft(fast.samples[0]).abs().argmax()) * 8000 / 6400 == 500
    assert abs(float(fast.samples.abs().max()) - 1000) < 1


def test_the_initial_alignment_divides_speech_evenly_among_its_phones() -> None:
    samples = torch.zeros(2, 7200)
    samples[0, 2400:4800] = 5000
    said = (of_text("八"), ())
    spoken, silent = even_alignment(samples, times=30, step=240, said=said)
    (start, end), pause = said[0][0], 2 * NUMBER[SILENCE]
    assert spoken.tolist() == [
        *[pause, *[pause + 1] * 9],
        *[2 * start, *[2 * start + 1] * 4, 2 * end, *[2 * end + 1] * 4],
        *[pause, *[pause + 1] * 9],
    ]
    assert silent.tolist() == [pause, *[pause + 1] * 29]
