"""A network that begins where a Mandarin model written before left off, also one with another front end or no tones.

From nothing it takes thousands of steps until the phones find their places in the sound. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recognizer.phones import Phones
from recognizer.training.features import Fbank, FrontEnd
from recognizer.training.inventory import PHONES, untoned
from recognizer.training.kaldi import read_layers
from recognizer.training.network import Network

_LIKE: Final = {
    **{"aa": "f_a", "ae": "f_ai", "ah": "f_e", "ao": "f_o", "aw": "f_ao", "ay": "f_ai", "eh": "f_ie", "er": "f_er"},
    **{"ey": "f_ei", "ih": "f_i", "iy": "f_i", "ow": "f_ou", "oy": "f_ou", "uh": "f_u", "uw": "f_u", "ng": "f_ang"},
    **{"dh": "i_z", "th": "i_s", "hh": "i_h", "jh": "i_zh", "v": "f_u", "w": "f_u", "y": "f_i", "z": "i_z"},
    "zh": "i_r",
}
"""English phone → the Mandarin one that sounds most like it; the others have one of the same name."""


def start_from(model: Path, network: Network, fbank: Fbank, samples: Tensor) -> None:
    """Fill `network` with the weights of the model in `model`, whose layers must have the same widths.

    The new features become the old by the linear map that fits best on `samples` (B, N); the outputs of a phone without
    tone serve for all its tones; the layers' normalisation is that of `samples`. Normalisation of the input
    (`mean`, `deviation`) must be set before.
    """
    old_names = Phones.of(model).names
    old = list(read_layers(model / "am" / "final.mdl"))
    features = fbank(samples)
    with torch.no_grad():
        _first_layer(network, old[0], features, Fbank(FrontEnd.of(model / "conf" / "fbank.conf"))(samples))
        for (layer, _), (weights, bias) in zip(network.inner[1:], old[1:-1], strict=True):
            wide = weights.reshape(len(weights), layer.weight.shape[2], -1).transpose(0, 2, 1)
            layer.weight.copy_(torch.from_numpy(wide))
            layer.bias.copy_(torch.from_numpy(bias))
        rows = [_nearest(name, old_names) for name in PHONES]
        both = torch.tensor([2 * row + part for row in rows for part in (0, 1)])
        for head in (network.out, network.beside):
            head.weight.copy_(torch.from_numpy(old[-1][0])[both][..., None])
            head.bias.copy_(torch.from_numpy(old[-1][1])[both])
        _unfold(network, features)


def _nearest(name: str, old_names: Sequence[str]) -> int:
    """The phone of the old model whose output serves for a new one."""
    english = name.removeprefix("e_")
    like = _LIKE.get(english, f"i_{english}") if name != english else name
    return next(old_names.index(each) for each in (like, untoned(like), f"{like}1") if each in old_names)


def _first_layer(
    network: Network, old: tuple[NDArray[np.float64], NDArray[np.float64]], new: Tensor, before: Tensor
) -> None:
    layer, _ = network.inner[0]
    weights, bias = (torch.from_numpy(part).float() for part in old)
    count = min(new.shape[1], before.shape[1])
    given = ((new[:, :count] - network.mean) / network.deviation).flatten(0, 1)
    with_one = torch.cat([given, torch.ones(len(given), 1)], 1)
    fit = torch.linalg.lstsq(with_one, before[:, :count].flatten(0, 1)).solution
    spliced = weights.reshape(len(weights), layer.weight.shape[2], -1)
    layer.weight.copy_(torch.einsum("okj,ij->oik", spliced, fit[:-1]))
    layer.bias.copy_(bias + torch.einsum("okj,j->o", spliced, fit[-1]))


def _unfold(network: Network, features: Tensor) -> None:
    """The weights hold without normalisation between the layers: put it in and take it out of the layer after."""
    heads = [network.out, network.beside]
    x = ((network.padded(features) - network.mean) / network.deviation).transpose(1, 2)
    after = [layer for layer, _ in network.inner[1:]]
    for (layer, norm), followers in zip(network.inner, [*([one] for one in after), heads], strict=True):
        x = torch.relu(layer(x))
        mean, deviation = x.mean((0, 2)), (x.var((0, 2)) + norm.eps).sqrt()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(x.var((0, 2)))
        for one in followers:
            one.bias.add_(torch.einsum("oik,i->o", one.weight, mean))
            one.weight.mul_(deviation[:, None])
        x = (x - mean[:, None]) / deviation[:, None]
