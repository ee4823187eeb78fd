"""The training loop: progress, resumable checkpoints, a learning-rate schedule over the given time.

Must not know: where clips come from, Vosk.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.training.augment import Augmenter
from recognizer.training.batches import Batch, BatchShare, batch, epoch
from recognizer.training.clips import ClipStore, TrainingClip
from recognizer.training.even import even
from recognizer.training.features import FrontEnd
from recognizer.training.inventory import OUTPUTS
from recognizer.training.layers import SUBSAMPLING
from recognizer.training.lfmmi import Denominator, Numerator, numerator
from recognizer.training.network import AcousticNetwork
from recognizer.training.phone_lm import PhoneLM
from recognizer.training.transcripts import Transcript

logger = logging.getLogger(__name__)

_WARM_UP_STEPS: Final = 100
_LAST_RATE: Final = 0.02
_STEADY: Final = 0.3
_BESIDE: Final = 0.1
_LEAST_SQUARES: Final = 5e-4
_GRADIENT: Final = 2.0
_SPEEDS: Final = (0.82, 1.2)
_GUESSED: Final = 0.12
"""Share of the training that uses the flat-start alignment."""
_SHORT_S: Final = 1.6
_PAUSE_AFTER_S: Final = 0.3
_PAUSE_S: Final = 5.0
"""Maximum duration of a step that counts; a longer one was delayed by something else."""
_KEEP_EVERY: Final = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """Training time (minutes on the current machine), initial learning rate, clips per batch."""

    minutes: float
    rate: float = 2e-3
    clips: int = 64


class Trainer:
    """Trains a network; one checkpoint file holds all state needed to resume. `clock` returns seconds."""

    def __init__(
        self,
        network: AcousticNetwork,
        augment: Augmenter,
        front: FrontEnd,
        lm: PhoneLM,
        plan: Plan,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.network = network
        self._augment = augment
        self._front = front
        self._lm = lm
        self._plan = plan
        self._device = network.mean.device
        self._anything = Denominator(lm, self._device)
        self._chance = random.Random(0)  # noqa: S311
        self._said: dict[Transcript, Numerator] = {}
        self._best = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-4)
        self._spent_s = 0.0
        self._steps = 0
        self._epochs = 0

    def restore(self, path: Path) -> None:
        """Resume from a checkpoint, if it exists."""
        if path.is_file():
            kept = torch.load(path, map_location=self._device, weights_only=True)
            self.network.load_state_dict(kept["network"])
            self._best.load_state_dict(kept["optimizer"])
            self._spent_s, self._steps, self._epochs = kept["spent_s"], kept["steps"], kept["epochs"]
            logger.info("resuming after %.1f minutes, %d steps", self._spent_s / 60, self._steps)

    def keep(self, path: Path) -> None:
        """Write a checkpoint atomically."""
        scratch = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimizer": self._best.state_dict(),
                **{"spent_s": self._spent_s, "steps": self._steps, "epochs": self._epochs},
            },
            scratch,
        )
        scratch.rename(path)

    def train(self, shares: Sequence[BatchShare], checkpoint: Path) -> None:
        """Train until the time is used up, from the restored state."""
        self.network.train()
        gains: list[float] = []
        while self._progress < 1:
            for group in self._groups(shares):
                begun = self._clock()
                gains.append(self._step(batch(group)))
                self._spent_s += min(self._clock() - begun, _PAUSE_S)
                self._steps += 1
                if self._steps % 50 == 0:
                    self._report(gains[-50:])
                if self._steps % _KEEP_EVERY == 0:
                    self.keep(checkpoint)
                if self._progress >= 1:
                    break
            self._epochs += 1
        self.keep(checkpoint)

    @property
    def steps(self) -> int:
        """Number of completed steps."""
        return self._steps

    @property
    def _progress(self) -> float:
        return self._spent_s / (60 * self._plan.minutes)

    def _groups(self, shares: Sequence[BatchShare]) -> list[list[tuple[ClipStore, TrainingClip]]]:
        """Return the batches of the next epoch; during the flat start only short ones, if there are any."""
        groups = epoch(shares, self._epochs, self._plan.clips)
        short = [one for one in groups if max(clip.length for _, clip in one) <= _SHORT_S * SAMPLE_RATE_HZ]
        return short if self._guessing and short else groups

    @property
    def _guessing(self) -> bool:
        """Whether training is still in its flat start, with evenly aligned phones in short clips."""
        return self._progress < _GUESSED

    def _report(self, gains: Sequence[float]) -> None:
        logger.info(
            "%3.0f %%  %.1f of %.1f minutes  step %d  epoch %d  objective %.4f",
            *(100 * self._progress, self._spent_s / 60, self._plan.minutes, self._steps, self._epochs),
            sum(gains) / len(gains),
        )

    def _step(self, clean: Batch) -> float:
        """Make one step and return the objective before it (log probability per output frame)."""
        rate = min(1.0, (self._steps + 1) / _WARM_UP_STEPS)
        rate *= _LAST_RATE ** max(0.0, (self._progress - _STEADY) / (1 - _STEADY))
        for group in self._best.param_groups:
            group["lr"] = self._plan.rate * rate
        one = clean.on(self._device).played(self._chance.uniform(*_SPEEDS), self._chance.uniform(0, _PAUSE_AFTER_S))
        with torch.no_grad():
            features = self._augment.plain(one.samples) if self._guessing else self._augment(one.samples)
        lengths = (self._front.frames(one.lengths) + SUBSAMPLING - 1) // SUBSAMPLING
        outputs, beside = self.network(features)
        guess = None
        if self._guessing:
            places = even(one.samples, outputs.shape[1], SUBSAMPLING * self._front.shift, one.said)
            guess = torch.nn.functional.one_hot(torch.from_numpy(places).to(self._device), OUTPUTS).float()
        loss, gain = self._loss(outputs, beside, lengths, one.said, guess)
        self._best.zero_grad()
        torch.autograd.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), _GRADIENT)
        if torch.isfinite(norm):
            self._best.step()
        return gain

    def _loss(
        self, outputs: Tensor, beside: Tensor, lengths: Tensor, said: Sequence[Transcript], guess: Tensor | None
    ) -> tuple[Tensor, float]:
        """Return loss and objective; `guess` replaces the network's own alignment as the target of each output."""
        numerators = [self._numerator(words) for words in said]
        likely, soft = numerator(outputs, lengths, numerators)
        if guess is not None:
            soft = guess
        fits = likely.isfinite()
        anything, occupied = self._anything(outputs, lengths)
        frames = lengths.sum()
        sounding = (torch.arange(outputs.shape[1], device=self._device) < lengths[:, None])[..., None]
        soft = soft * sounding
        agreed = ((soft - occupied) * outputs).sum((1, 2))[fits].sum()
        crossed = (soft * torch.log_softmax(beside, 2)).sum((1, 2))[fits].sum()
        size = (outputs.square() * sounding).sum()
        loss = -(agreed + _BESIDE * crossed) / frames + 0.5 * _LEAST_SQUARES * size / frames
        gain = (likely - anything)[fits].sum() / frames
        return loss, float(gain)

    def _numerator(self, words: Transcript) -> Numerator:
        if words not in self._said:
            self._said[words] = Numerator.of(words, self._lm)
        return self._said[words]
