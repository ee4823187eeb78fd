"""A trained network → the folder of an acoustic model that `recognizer.building` makes Vosk models of.

Must not know: training, corpora.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import torch

from recognizer.training.features import FrontEnd
from recognizer.training.inventory import NUMBER, phones_of
from recognizer.training.kaldi import write_acoustic_model
from recognizer.training.network import SUBSAMPLING, Network, Shape
from recognizer.training.phone_lm import PhoneLM

BIGRAM_MOST: Final = 5.5
"""Phones that follow each other less often than once in e^5.5 do not in `[unk]`; with more, nothing is heard better."""

_DECODER: Final = f"""\
--min-active=50
--max-active=400
--beam=10.0
--frames-per-chunk=60
--acoustic-scale=1.0
--frame-subsampling-factor={SUBSAMPLING}
--endpoint.silence-phones=1
--endpoint.rule1.min-trailing-silence=1000
--endpoint.rule2.min-trailing-silence=1000
--endpoint.rule3.min-trailing-silence=1000
--endpoint.rule4.min-trailing-silence=1000
--endpoint.rule5.min-utterance-length=1000
"""
"""Turn-taking decides when an answer ends, not Vosk's endpointer."""


def export(network: Network, front: FrontEnd, lm: PhoneLM, language: str, folder: Path) -> None:
    """Write am/, conf/, phones.txt and phone_bigram.txt of one language's model into `folder`."""
    acoustic(network, front, language, folder)
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "conf" / "fbank.conf").write_text(front.conf())
    (folder / "conf" / "model.conf").write_text(_DECODER)
    (folder / "phones.txt").write_text("\n".join(phones_of(language)) + "\n")
    rows = lm.bigram(language, BIGRAM_MOST).items()
    lines = (f"{before} {after} {cost:.4f}\n" for before, row in rows for after, cost in row.items())
    (folder / "phone_bigram.txt").write_text("".join(lines))


def acoustic(network: Network, front: FrontEnd, language: str, folder: Path) -> None:
    """Write am/ of one language's model into `folder`."""
    phones = phones_of(language)
    *inner, last = network.kaldi_layers()
    kept = [2 * NUMBER[name] + part for name in phones for part in (0, 1)]
    (folder / "am").mkdir(parents=True, exist_ok=True)
    write_acoustic_model(
        folder / "am" / "final.mdl",
        [*inner, replace(last, weights=last.weights[kept], bias=last.bias[kept])],
        features=front.bands,
        phones=len(phones),
        context=network.shape.context,
    )


def save(network: Network, file: Path) -> None:
    """Keep a network's weights, in 16 bits, without the head that only training needs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: value.half() for name, value in network.state_dict().items() if not name.startswith("beside")}
    torch.save(kept, file)


def load(file: Path) -> Network:
    """A network that `save` kept.

    Raises:
        FileNotFoundError: there is none.
    """
    kept = {name: value.float() for name, value in torch.load(file, weights_only=True).items()}
    features, first = kept["mean"].shape[0], kept["layers.0.weight"].shape[0]
    depth = sum(name.endswith(".weight") and name.startswith("layers") for name in kept) - 2
    network = Network(Shape(features, first, kept["out.weight"].shape[1], depth))
    network.load_state_dict(kept, strict=False)
    return network.eval()
