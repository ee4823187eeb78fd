"""Flat-start lattice-free MMI (Hadian et al., Interspeech 2018) with context-independent phones, in torch.

The objective is the transcript (numerator) against any phone sequence (denominator). Each phone has the `chain`
topology: one output for entering it, one for staying, both transitions with probability 1/2. Must not know: networks,
features, Kaldi.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recognizer.phones import SILENCE
from recognizer.training.inventory import NUMBER, OUTPUTS
from recognizer.training.phone_lm import PhoneLM
from recognizer.training.transcripts import Transcript

_Kind = TypeVar("_Kind", bound=np.generic)

_HALF: Final = math.log(2.0)
_LOG_ZERO: Final = -1e30
_TINY: Final = 1e-30
_PREDECESSORS: Final = 5
"""Predecessors of a state: itself and the four before it (stay, enter, skip an optional pause)."""


class Denominator:
    """Any phone sequence, weighted by the phone language model."""

    def __init__(self, lm: PhoneLM, device: torch.device) -> None:
        enter, stay = np.arange(0, OUTPUTS, 2), np.arange(1, OUTPUTS, 2)
        step = np.zeros((OUTPUTS, OUTPUTS))
        for states in (enter, stay):
            step[states, stay] += 0.5
            step[np.ix_(states, enter)] += 0.5 * lm.after
        start, end = np.zeros(OUTPUTS), np.zeros(OUTPUTS)
        start[enter] = lm.first
        end[enter] = end[stay] = 0.5 * lm.end
        self._step, self._start, self._end = (
            torch.tensor(part, dtype=torch.float32, device=device) for part in (step, start, end)
        )

    def __call__(self, outputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, T, OUTPUTS), (B) lengths to log likelihoods (B) and occupancies (B, T, OUTPUTS), their gradient."""
        return _paths(outputs.detach(), lengths, self._start, self._step, self._end)


@dataclass(frozen=True)
class Numerator:
    """The transcript as a left-to-right sequence of states, with optional pauses before, between and after words.

    `arcs[s, j]` is the log weight of the transition from state s-j to s.
    """

    outputs: NDArray[np.int64]
    arcs: NDArray[np.float32]
    start: NDArray[np.float32]
    end: NDArray[np.float32]

    @classmethod
    def of(cls, words: Transcript, lm: PhoneLM) -> Numerator:
        """Build the states of a transcript."""
        pause = NUMBER[SILENCE]
        row = [pause]
        optional = [True]
        for word in words:
            row += [*word, pause]
            optional += [*(False for _ in word), True]
        count = 2 * len(row)
        outputs = np.array([[2 * phone, 2 * phone + 1] for phone in row], np.int64).ravel()
        arcs = np.full((count, _PREDECESSORS), _LOG_ZERO, np.float32)
        start, end = np.full(count, _LOG_ZERO, np.float32), np.full(count, _LOG_ZERO, np.float32)
        follow = np.log(lm.after)
        for place, phone in enumerate(row):
            enter, stay = 2 * place, 2 * place + 1
            arcs[stay, :2] = -_HALF
            if place:
                arcs[enter, 1:3] = follow[row[place - 1], phone] - _HALF
            if place > 1 and optional[place - 1]:
                arcs[enter, 3:5] = follow[row[place - 2], phone] - _HALF
            if place == 0 or (place == 1 and optional[0]):
                start[enter] = np.log(lm.first[phone])
            if place == len(row) - 1 or (place == len(row) - 2 and optional[-1]):
                end[enter] = end[stay] = np.log(lm.end[phone]) - _HALF
        return cls(outputs, arcs, start, end)


def numerator(outputs: Tensor, lengths: Tensor, said: Sequence[Numerator]) -> tuple[Tensor, Tensor]:
    """Return what `Denominator` returns, for transcripts; -inf and zeros if a transcript does not fit the length."""
    states = max(len(one.outputs) for one in said)
    labels, arcs, start, end = (
        torch.from_numpy(part).to(outputs.device)
        for part in (
            _stacked([one.outputs for one in said], states, 0),
            _stacked([one.arcs for one in said], states, _LOG_ZERO),
            _stacked([one.start for one in said], states, _LOG_ZERO),
            _stacked([one.end for one in said], states, _LOG_ZERO),
        )
    )
    step = torch.zeros(len(said), states, states, dtype=torch.float64, device=outputs.device)
    for back in range(min(_PREDECESSORS, states)):
        step.diagonal(back, 1, 2).copy_(arcs[:, back:, back].exp())
    places = labels[:, None].expand(-1, outputs.shape[1], -1)
    emitted = outputs.detach().double().gather(2, places)
    total, occupied = _paths(emitted, lengths, start.double().exp(), step, end.double().exp())
    occupied = torch.where(total.isfinite()[:, None, None], occupied, 0).float()
    return total.float(), torch.zeros_like(outputs).scatter_add_(2, places, occupied)


def _paths(outputs: Tensor, lengths: Tensor, start: Tensor, step: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Run the forward-backward algorithm: outputs (B, T, S), probabilities to `start` and `end` in a state ((B,) S) and
    to `step` from one to another ((B,) S, S) → log likelihoods (B), occupancy of each state at each time (B, T, S).

    Hand-written because torch's automatic differentiation takes three times as long.
    """
    most = outputs.amax(2)
    likely = torch.exp(outputs - most[..., None])
    times = outputs.shape[1]
    sounding = torch.arange(times, device=outputs.device) < lengths[:, None]
    alphas: list[Tensor] = []
    scales: list[Tensor] = []
    for time in range(times):
        reached = (_advance(alphas[-1], step) if alphas else start) * likely[:, time]
        scale = reached.sum(1, keepdim=True).clamp_min(_TINY)
        alphas.append(torch.where(sounding[:, time, None], reached / scale, alphas[-1] if alphas else reached))
        scales.append(scale)
    final = (alphas[-1] * end).sum(1)
    total = ((torch.cat(scales, 1).log() + most) * sounding).sum(1) + final.log()
    ends = end / final.clamp_min(_TINY)[:, None]
    last = (lengths - 1)[:, None]
    back = step.mT
    beta = ends
    occupied = torch.zeros_like(outputs)
    for time in reversed(range(times)):
        if time < times - 1:
            before = _advance(likely[:, time + 1] * beta / scales[time + 1], back)
            beta = torch.where(last > time, before, ends)
        occupied[:, time] = alphas[time] * beta * sounding[:, time, None]
    return total, occupied


def _advance(states: Tensor, step: Tensor) -> Tensor:
    """Multiply (B, S) by (S, S), or each row by its matrix of (B, S, S)."""
    return states @ step if step.dim() == 2 else torch.bmm(states[:, None], step)[:, 0]


def _stacked(parts: Sequence[NDArray[_Kind]], length: int, empty: float) -> NDArray[_Kind]:
    """Stack arrays, each padded to `length`."""
    made = np.full((len(parts), length, *parts[0].shape[1:]), empty, parts[0].dtype)
    for row, part in zip(made, parts, strict=True):
        row[: len(part)] = part
    return made
