"""A trained network → the folder of an acoustic model that `recognizer.building` makes Vosk models of.

Must not know: training, corpora.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from recognizer.training.features import FrontEnd
from recognizer.training.inventory import NUMBER, phones_of
from recognizer.training.kaldi import write_acoustic_model
from recognizer.training.network import SUBSAMPLING, Network
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
    phones = phones_of(language)
    *inner, last = network.kaldi_layers()
    kept = [2 * NUMBER[name] + part for name in phones for part in (0, 1)]
    for part in ("am", "conf"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_acoustic_model(
        folder / "am" / "final.mdl",
        [*inner, replace(last, weights=last.weights[kept], bias=last.bias[kept])],
        features=front.bands,
        phones=len(phones),
        context=network.shape.context,
    )
    (folder / "conf" / "fbank.conf").write_text(front.conf())
    (folder / "conf" / "model.conf").write_text(_DECODER)
    (folder / "phones.txt").write_text("\n".join(phones) + "\n")
    rows = lm.bigram(language, BIGRAM_MOST).items()
    lines = (f"{before} {after} {cost:.4f}\n" for before, row in rows for after, cost in row.items())
    (folder / "phone_bigram.txt").write_text("".join(lines))
