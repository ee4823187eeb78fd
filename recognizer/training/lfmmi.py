"""Lattice-free MMI trained flat from the start (Hadian et al., Interspeech 2018), phones without context, in torch.

What was said (numerator) against anything that could be said (denominator). Each phone has the `chain` topology: one
output for entering it, one for staying, both transitions one in two. Must not know: networks, features, Kaldi.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recognizer.phones import SILENCE
from recognizer.training.inventory import NUMBER, OUTPUTS
from recognizer.training.phone_lm import PhoneLM
from recognizer.training.transcripts import Transcript

_HALF: Final = math.log(2.0)
_NEVER: Final = -1e30
_TINY: Final = 1e-30
_REACH: Final = 5
"""A state is reached from itself and the four before it: staying, entering, and past a pause that is not made."""


class Denominator:
    """Anything that could be said, as the phone language model has it."""

    def __init__(self, lm: PhoneLM) -> None:
        enter, stay = np.arange(0, OUTPUTS, 2), np.arange(1, OUTPUTS, 2)
        step = np.zeros((OUTPUTS, OUTPUTS))
        for states in (enter, stay):
            step[states, stay] += 0.5
            step[np.ix_(states, enter)] += 0.5 * lm.after
        start, end = np.zeros(OUTPUTS), np.zeros(OUTPUTS)
        start[enter] = lm.first
        end[enter] = end[stay] = 0.5 * lm.end
        self._step, self._start, self._end = (torch.tensor(part, dtype=torch.float32) for part in (step, start, end))

    def __call__(self, outputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, OUTPUTS), (B) → log likelihoods (B), and their gradient (B, T, OUTPUTS): how likely each output was.

        By hand rather than by torch's differentiation, which takes three times as long.
        """
        outputs = outputs.detach()
        most = outputs.amax(2)
        likely = torch.exp(outputs - most[..., None])
        times = outputs.shape[1]
        sounding = torch.arange(times) < lengths[:, None]
        alphas: list[Tensor] = []
        scales: list[Tensor] = []
        for time in range(times):
            reached = (alphas[-1] @ self._step if alphas else self._start) * likely[:, time]
            scale = reached.sum(1, keepdim=True).clamp_min(_TINY)
            alphas.append(torch.where(sounding[:, time, None], reached / scale, alphas[-1] if alphas else reached))
            scales.append(scale)
        final = (alphas[-1] @ self._end).clamp_min(_TINY)
        total = ((torch.cat(scales, 1).log() + most) * sounding).sum(1) + final.log()
        ends = self._end / final[:, None]
        last = (lengths - 1)[:, None]
        beta = ends
        occupied = torch.zeros_like(outputs)
        for time in reversed(range(times)):
            if time < times - 1:
                before = (likely[:, time + 1] * beta / scales[time + 1]) @ self._step.T
                beta = torch.where(last > time, before, ends)
            occupied[:, time] = alphas[time] * beta * sounding[:, time, None]
        return total, occupied


@dataclass(frozen=True)
class Numerator:
    """What was said: a row of states, a pause possible before, between and after words.

    `arcs[s, j]` is the log weight of going from state s-j to s.
    """

    outputs: NDArray[np.int64]
    arcs: NDArray[np.float32]
    start: NDArray[np.float32]
    end: NDArray[np.float32]

    @classmethod
    def of(cls, words: Transcript, lm: PhoneLM) -> Numerator:
        """The states of a transcript."""
        pause = NUMBER[SILENCE]
        row = [pause]
        optional = [True]
        for word in words:
            row += [*word, pause]
            optional += [*(False for _ in word), True]
        count = 2 * len(row)
        outputs = np.array([[2 * phone, 2 * phone + 1] for phone in row], np.int64).ravel()
        arcs = np.full((count, _REACH), _NEVER, np.float32)
        start, end = np.full(count, _NEVER, np.float32), np.full(count, _NEVER, np.float32)
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


def numerator_log_likelihood(outputs: Tensor, lengths: Tensor, said: Sequence[Numerator]) -> Tensor:
    """(B, T, OUTPUTS), (B) → (B); what can't be said in so short a time is below -1e20."""
    batch, times, _ = outputs.shape
    states = max(len(one.outputs) for one in said)
    labels = torch.zeros(batch, states, dtype=torch.long)
    arcs = torch.full((batch, states, _REACH), _NEVER)
    start, end = torch.full((batch, states), _NEVER), torch.full((batch, states), _NEVER)
    for row, one in enumerate(said):
        count = len(one.outputs)
        labels[row, :count] = torch.from_numpy(one.outputs)
        arcs[row, :count] = torch.from_numpy(one.arcs)
        start[row, :count] = torch.from_numpy(one.start)
        end[row, :count] = torch.from_numpy(one.end)
    emitted = outputs.gather(2, labels[:, None].expand(batch, times, states))
    from_farthest = arcs.flip(2)
    before = torch.full((batch, _REACH - 1), _NEVER)
    alpha = start + emitted[:, 0]
    for time in range(1, times):
        reachable = torch.cat([before, alpha], 1).unfold(1, _REACH, 1)
        reached = torch.logsumexp(reachable + from_farthest, 2).clamp_min(_NEVER) + emitted[:, time]
        alpha = torch.where((time < lengths)[:, None], reached, alpha)
    return torch.logsumexp(alpha + end, 1)
