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
from recognizer.training.even import even_alignment
from recognizer.training.features import FrontEnd
from recognizer.training.inventory import OUTPUTS
from recognizer.training.layers import SUBSAMPLING
from recognizer.training.lfmmi import Denominator, Numerator, numerator
from recognizer.training.network import AcousticNetwork
from recognizer.training.phone_lm import PhoneLM
from recognizer.training.transcripts import Transcript

logger = logging.getLogger(__name__)

_WARM_UP_STEPS: Final = 100
_FINAL_RATE: Final = 0.02
_CONSTANT_RATE_SHARE: Final = 0.3
_CROSS_ENTROPY_WEIGHT: Final = 0.1
_L2_WEIGHT: Final = 5e-4
_MAX_GRADIENT_NORM: Final = 2.0
_SPEEDS: Final = (0.82, 1.2)
_FLAT_START_SHARE: Final = 0.12
"""Share of the training that uses the flat-start alignment."""
_MAX_FLAT_START_S: Final = 1.6
_MAX_PADDING_S: Final = 0.3
_MAX_STEP_S: Final = 5.0
"""Maximum duration of a step that counts; a longer one was delayed by something else."""
_CHECKPOINT_EVERY: Final = 200


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
        self._denominator = Denominator(lm, self._device)
        self._rng = random.Random(0)  # noqa: S311
        self._numerators: dict[Transcript, Numerator] = {}
        self._optimizer = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-4)
        self._spent_s = 0.0
        self._steps = 0
        self._epochs = 0

    def restore(self, path: Path) -> None:
        """Resume from a checkpoint, if it exists."""
        if path.is_file():
            state = torch.load(path, map_location=self._device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._spent_s, self._steps, self._epochs = state["spent_s"], state["steps"], state["epochs"]
            logger.info("resuming after %.1f minutes, %d steps", self._spent_s / 60, self._steps)

    def save_checkpoint(self, path: Path) -> None:
        """Write a checkpoint atomically."""
        scratch = path.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
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
                started = self._clock()
                gains.append(self._step(batch(group)))
                self._spent_s += min(self._clock() - started, _MAX_STEP_S)
                self._steps += 1
                if self._steps % 50 == 0:
                    self._report(gains[-50:])
                if self._steps % _CHECKPOINT_EVERY == 0:
                    self.save_checkpoint(checkpoint)
                if self._progress >= 1:
                    break
            self._epochs += 1
        self.save_checkpoint(checkpoint)

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
        short = [one for one in groups if max(clip.length for _, clip in one) <= _MAX_FLAT_START_S * SAMPLE_RATE_HZ]
        return short if self._flat_start and short else groups

    @property
    def _flat_start(self) -> bool:
        """Whether training is still in its flat start, with evenly aligned phones in short clips."""
        return self._progress < _FLAT_START_SHARE

    def _report(self, gains: Sequence[float]) -> None:
        logger.info(
            "%3.0f %%  %.1f of %.1f minutes  step %d  epoch %d  objective %.4f",
            *(100 * self._progress, self._spent_s / 60, self._plan.minutes, self._steps, self._epochs),
            sum(gains) / len(gains),
        )

    def _step(self, clean: Batch) -> float:
        """Make one step and return the objective before it (log probability per output frame)."""
        rate = min(1.0, (self._steps + 1) / _WARM_UP_STEPS)
        rate *= _FINAL_RATE ** max(0.0, (self._progress - _CONSTANT_RATE_SHARE) / (1 - _CONSTANT_RATE_SHARE))
        for group in self._optimizer.param_groups:
            group["lr"] = self._plan.rate * rate
        one = clean.on(self._device).played(self._rng.uniform(*_SPEEDS), self._rng.uniform(0, _MAX_PADDING_S))
        with torch.no_grad():
            features = self._augment.plain(one.samples) if self._flat_start else self._augment(one.samples)
        lengths = (self._front.frames(one.lengths) + SUBSAMPLING - 1) // SUBSAMPLING
        outputs, beside = self.network(features)
        guess = None
        if self._flat_start:
            places = even_alignment(one.samples, outputs.shape[1], SUBSAMPLING * self._front.shift, one.said)
            guess = torch.nn.functional.one_hot(torch.from_numpy(places).to(self._device), OUTPUTS).float()
        loss, gain = self._loss(outputs, beside, lengths, one.said, guess)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)
        if torch.isfinite(norm):
            self._optimizer.step()
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
        background, occupied = self._denominator(outputs, lengths)
        frames = lengths.sum()
        sounding = (torch.arange(outputs.shape[1], device=self._device) < lengths[:, None])[..., None]
        soft = soft * sounding
        agreed = ((soft - occupied) * outputs).sum((1, 2))[fits].sum()
        crossed = (soft * torch.log_softmax(beside, 2)).sum((1, 2))[fits].sum()
        size = (outputs.square() * sounding).sum()
        loss = -(agreed + _CROSS_ENTROPY_WEIGHT * crossed) / frames + 0.5 * _L2_WEIGHT * size / frames
        gain = (likely - background)[fits].sum() / frames
        return loss, float(gain)

    def _numerator(self, words: Transcript) -> Numerator:
        if words not in self._numerators:
            self._numerators[words] = Numerator.of(words, self._lm)
        return self._numerators[words]
