"""`python -m recognizer.training`: recordings and synthetic voices → acoustic models, ready to ship, one a language.

Broken off and started again with the same `--work`, it goes on where it was.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from recognizer.evaluation.summary import measured
from recognizer.evaluation.tables import tables
from recognizer.training.augment import WARPS, Augmenter
from recognizer.training.batches import Share, batch, epoch
from recognizer.training.card import Story, card
from recognizer.training.clips import Clips
from recognizer.training.corpus import Recording, held_out, recordings, samples
from recognizer.training.export import export
from recognizer.training.features import Fbank, FrontEnd
from recognizer.training.inventory import phones_of
from recognizer.training.network import Network, Shape
from recognizer.training.phone_lm import PhoneLM
from recognizer.training.preparing import agreed, noises, prepare, rooms, trained_on
from recognizer.training.starting import start_from
from recognizer.training.training import Plan, Trainer
from recognizer.vosk import SHIPPED

logger = logging.getLogger("training")

_HERE = Path(__file__).parent
_ROOM_SAMPLES = 2000
_NOISE_SAMPLES = 8000
_VOICE_SAMPLES = 8000
_REAL_TIMES, _SILENT_TIMES, _SYNTHETIC_TIMES = 0.6, 1.0, 0.25
"""How often an epoch goes through the recordings (each is there at two speeds or more), noises, synthetic voices."""
_TAGS: Final = {"zh": "zh-CN", "en": "en-US"}
SYNTHETIC: Final = {"zh": 32000, "en": 12000}
"""How many utterances of synthetic voices in each language."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare, train, export, evaluate."""
    options = _options(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    phrases = {language: _phrases(language) for language in SYNTHETIC}
    stores = [Clips(path) for path in prepare(options.speech, options.work, phrases, SYNTHETIC, options.calls)]
    seconds = [sum(clip.length for clip in store.all) / 8000 / 60 for store in stores]
    logger.info("minutes of clips: %s", ", ".join(f"{minutes:.0f}" for minutes in seconds))
    times = [_REAL_TIMES, _SILENT_TIMES, *[_SYNTHETIC_TIMES] * (len(stores) - 2)]
    shares = [Share(store, often) for store, often in zip(stores, times, strict=True)]
    lm = PhoneLM.of(clip.transcript for share in shares for clip in share.clips.all)
    front = FrontEnd()
    augment = Augmenter(Fbank(front, WARPS), _noises(options.speech), _rooms(options.speech), seed=0)
    network = Network(Shape(features=front.bands))
    trainer = Trainer(network, augment, front, lm, Plan(options.minutes, options.rate))
    checkpoint = options.work / "checkpoint.pt"
    if not checkpoint.is_file():
        _begin(network, augment, shares, options.start)
    trainer.restore(checkpoint)
    trainer.train(shares, checkpoint)
    network.eval()
    for language in SYNTHETIC:
        folder = options.out / f"{language}-small-8k"
        export(network, front, lm, language, folder)
        spoken = [one for one in recordings(options.speech) if one.language == language and held_out(one)]
        story = Story(
            name=folder.name,
            language=language,
            bands=front.bands,
            frame_ms=front.frame_ms,
            phones=len(phones_of(language)),
            size_bytes=(folder / "am" / "final.mdl").stat().st_size,
            minutes=options.minutes,
            steps=trainer.steps,
            started_from=options.start.name,
            trained_on=tuple(trained_on(options.speech)),
            callers=tuple(chain.from_iterable(map(agreed, options.calls))),
            noises=(*noises(options.speech), *rooms(options.speech)),
            synthetic=SYNTHETIC,
            held_out=tuple(spoken),
            figures=_figures(options.speech, language, folder, options.work),
        )
        (folder / "README.md").write_text(card(story), encoding="utf-8")
        logger.info("written to %s", folder)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m recognizer.training", description=__doc__)
    parser.add_argument("--speech", type=Path, required=True, help="folder of recordings with a manifest.tsv")
    parser.add_argument(
        "--calls", type=Path, action="append", default=[], help="folder of callers' clips (service.py speech export)"
    )
    parser.add_argument("--work", type=Path, default=Path("var/training"), help="clips and checkpoint, kept")
    parser.add_argument("--out", type=Path, required=True, help="folder for the folders of the models")
    parser.add_argument("--start", type=Path, default=SHIPPED["zh-CN"], help="a Mandarin model to begin from")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to train")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate at first")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(arguments)


def _figures(speech: Path, language: str, folder: Path, work: Path) -> str:
    """The model's tables in Markdown."""
    one = measured(speech, _TAGS[language], folder, work / "graphs", lambda heard, _: heard)
    return "\n\n".join(table.markdown() for table in tables(one))


def _phrases(language: str) -> list[str]:
    """Answers that callers may give, one a line."""
    return (_HERE / f"phrases.{language}.txt").read_text(encoding="utf-8").splitlines()


def _begin(network: Network, augment: Augmenter, shares: Sequence[Share], start: Path) -> None:
    """Set the normalisation of the input and take the weights of a model before."""
    groups = epoch(shares, seed=0)[:12]
    features = torch.cat([augment(batch(group).samples).flatten(0, 1) for group in groups])
    network.mean.copy_(features.mean(0))
    network.deviation.copy_(features.std(0).mean().expand(features.shape[1]))
    voices = [part[:, :_VOICE_SAMPLES] for part in (batch(group).samples for group in groups)]
    start_from(
        start, network, Fbank(FrontEnd()), torch.cat([part for part in voices if part.shape[1] == _VOICE_SAMPLES])
    )


def _noises(folder: Path) -> Tensor:
    """Recorded noises of one second, level with each other."""
    return _rows((_sound(folder, one) for one in noises(folder)), _NOISE_SAMPLES)


def _rooms(folder: Path) -> Tensor:
    """Impulse responses from their peak on, which is 1."""
    rows = [row[int(row.abs().argmax()) :] / row.abs().max() for row in (_sound(folder, one) for one in rooms(folder))]
    return _rows(rows, _ROOM_SAMPLES)


def _rows(sounds: Iterable[Tensor], length: int) -> Tensor:
    made = [torch.nn.functional.pad(row[:length], (0, max(0, length - len(row)))) for row in sounds]
    return torch.stack(made) if made else torch.zeros(0, length)


def _sound(folder: Path, one: Recording) -> Tensor:
    return torch.from_numpy(samples(folder / one.path).astype("float32"))


if __name__ == "__main__":
    main()
