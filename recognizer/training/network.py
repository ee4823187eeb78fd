"""The acoustic network: a time-delay network at a third of the frame rate. Must not know: Kaldi, speech, losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor, nn

from recognizer.training.inventory import OUTPUTS
from recognizer.training.layers import SUBSAMPLING, Layer

_DROPOUT: Final = 0.1
_BN_FLOOR: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Shape:
    """Dimensions of the network: features, width of the first layer, width and number of the other layers."""

    features: int = 40
    first: int = 128
    width: int = 256
    depth: int = 6

    @property
    def context(self) -> int:
        """Context frames of an output on either side."""
        return 2 + 1 + SUBSAMPLING * self.depth


class Affine(nn.Conv1d):
    """A convolution over frames, always with a bias."""

    bias: nn.Parameter


class Norm(nn.BatchNorm1d):
    """Batch normalisation to mean 0 and variance 1, without learnt parameters."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(width, affine=False, eps=_BN_FLOOR)


class AcousticNetwork(nn.Module):
    """Time-delay network: features (B, T, features) → outputs (B, ⌈T/3⌉, OUTPUTS)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.mean: Tensor = nn.Buffer(torch.zeros(shape.features))
        self.deviation: Tensor = nn.Buffer(torch.ones(shape.features))
        layers = [Affine(shape.features, shape.first, 5), Affine(shape.first, shape.width, 3, stride=SUBSAMPLING)]
        layers += [Affine(shape.width, shape.width, 3) for _ in range(shape.depth)]
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(Norm(one.out_channels) for one in layers)
        self.out = Affine(shape.width, OUTPUTS, 1)
        self.beside = Affine(shape.width, OUTPUTS, 1)
        nn.init.normal_(self.out.weight, std=0.01)

    @property
    def inner(self) -> list[tuple[Affine, Norm]]:
        """The hidden layers, each with its normalisation."""
        return [(cast(Affine, layer), cast(Norm, norm)) for layer, norm in zip(self.layers, self.norms, strict=True)]

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs, and those of an auxiliary head trained with cross-entropy."""
        x = ((self.padded(features) - self.mean) / self.deviation).transpose(1, 2)
        for layer, norm in self.inner:
            x = norm(torch.relu(layer(x)))
            if self.training:
                kept = torch.rand(x.shape[0], x.shape[1], 1, device=x.device) > _DROPOUT
                x = x * kept / (1 - _DROPOUT)
        return self.out(x).transpose(1, 2), self.beside(x).transpose(1, 2)

    def kaldi_layers(self) -> list[Layer]:
        """Return the layers with input and batch normalisations folded into the layer that follows each."""
        scale = (1 / self.deviation).double().numpy()
        shift = -self.mean.double().numpy() * scale
        made = []
        for place, (layer, norm) in enumerate(self.inner):
            weights = layer.weight.detach().double().numpy()
            bias = layer.bias.detach().double().numpy() + np.einsum("oik,i->o", weights, shift)
            folded = (weights * scale[:, None]).transpose(0, 2, 1).reshape(len(weights), -1)
            made.append(Layer(_offsets(place, weights.shape[2]), folded, bias, rectified=True))
            scale = 1 / (norm.running_var.double() + _BN_FLOOR).sqrt().numpy()
            shift = -norm.running_mean.double().numpy() * scale
        last = self.out.weight.detach().double().numpy()[:, :, 0]
        made.append(Layer((0,), last * scale, self.out.bias.detach().double().numpy() + last @ shift, rectified=False))
        return made

    def padded(self, features: Tensor) -> Tensor:
        """Repeat the first and last frame as padding, as Kaldi does."""
        frames = features.shape[1]
        outputs = (frames + SUBSAMPLING - 1) // SUBSAMPLING
        context = self.shape.context
        wanted = SUBSAMPLING * (outputs - 1) + 1 + 2 * context
        after = max(0, wanted - context - frames)
        first, last = features[:, :1].expand(-1, context, -1), features[:, -1:].expand(-1, after, -1)
        return torch.cat([first, features, last], 1)[:, :wanted]


def _offsets(place: int, size: int) -> tuple[int, ...]:
    step = 1 if place < 2 else SUBSAMPLING
    return tuple((number - size // 2) * step for number in range(size))
