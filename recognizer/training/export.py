"""A trained network → the folder of an acoustic model that `recognizer.building` makes Vosk models of.

Must not know: training, corpora.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from recognizer.training.features import FrontEnd
from recognizer.training.inventory import PHONES
from recognizer.training.kaldi import write_acoustic_model
from recognizer.training.network import SUBSAMPLING, Network
from recognizer.training.phone_lm import PhoneLM

BIGRAM_MOST: Final = 5.5
"""Phones that follow each other less often than once in e^5.5 do not in `[unk]`; with more, nothing is heard better."""

_DECODER: Final = f"""\
--min-active=200
--max-active=3000
--beam=11.0
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


def export(network: Network, front: FrontEnd, lm: PhoneLM, folder: Path) -> None:
    """Write am/, conf/, phones.txt and phone_bigram.txt into `folder`."""
    for part in ("am", "conf"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_acoustic_model(
        folder / "am" / "final.mdl",
        network.kaldi_layers(),
        features=front.bands,
        phones=len(PHONES),
        context=network.shape.context,
    )
    (folder / "conf" / "fbank.conf").write_text(front.conf())
    (folder / "conf" / "model.conf").write_text(_DECODER)
    (folder / "phones.txt").write_text("\n".join(PHONES) + "\n")
    rows = lm.bigram(BIGRAM_MOST).items()
    lines = (f"{before} {after} {cost:.4f}\n" for before, row in rows for after, cost in row.items())
    (folder / "phone_bigram.txt").write_text("".join(lines))
