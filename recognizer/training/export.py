"""Export of a trained network as an acoustic model folder, from which `recognizer.building` builds Vosk models.

Must not know: torch, training, corpora.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recognizer.training.inventory import NUMBER, phones_of
from recognizer.training.kaldi import write_acoustic_model
from recognizer.training.layers import SUBSAMPLING, Layer
from recognizer.training.phone_lm import PhoneLM

if TYPE_CHECKING:
    from recognizer.training.features import FrontEnd

BIGRAM_MOST: Final = 5.5
"""Maximum cost of a phone bigram in `[unk]`: rarer pairs (below e^-5.5) are pruned; keeping them improves nothing."""

_DECODER: Final = f"""\
--min-active=50
--max-active=300
--beam=9.0
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
"""Vosk's endpointer is disabled: turn-taking detects the end of an answer."""


def export(layers: Sequence[Layer], front: FrontEnd, lm: PhoneLM, language: str, folder: Path) -> None:
    """Write am/, conf/, phones.txt and phone_bigram.txt of one language's model into `folder`."""
    write_acoustic(layers, language, folder)
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "conf" / "fbank.conf").write_text(front.conf())
    (folder / "conf" / "model.conf").write_text(_DECODER)
    (folder / "phones.txt").write_text("\n".join(phones_of(language)) + "\n")
    rows = lm.bigram(language, BIGRAM_MOST).items()
    lines = (f"{before} {after} {cost:.4f}\n" for before, row in rows for after, cost in row.items())
    (folder / "phone_bigram.txt").write_text("".join(lines))


def write_acoustic(layers: Sequence[Layer], language: str, folder: Path) -> None:
    """Write am/ of one language's model into `folder`, with only the outputs of its phones."""
    phones = phones_of(language)
    *inner, last = layers
    kept = [2 * NUMBER[name] + part for name in phones for part in (0, 1)]
    (folder / "am").mkdir(parents=True, exist_ok=True)
    write_acoustic_model(
        folder / "am" / "final.mdl",
        [*inner, replace(last, weights=last.weights[kept], bias=last.bias[kept])],
        phones=len(phones),
    )
