"""`python -m recognizer.training`: train acoustic models, one per language, from recordings and synthetic voices.

After an interruption, the same command with the same `--work` resumes from the last checkpoint.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from recognizer.base import SAMPLE_RATE_HZ
from recognizer.training.augment import WARPS, Augmenter
from recognizer.training.batches import BatchShare, batch, epoch
from recognizer.training.card import Story, card
from recognizer.training.clips import ClipStore
from recognizer.training.corpus import FOLDS, CorpusRecording, fold_of, samples
from recognizer.training.export import export
from recognizer.training.features import Fbank, FrontEnd
from recognizer.training.inventory import phones_of
from recognizer.training.layers import save
from recognizer.training.network import AcousticNetwork, Shape
from recognizer.training.phone_lm import PhoneLM
from recognizer.training.preparing import consented, noises, prepare, rooms, training_recordings
from recognizer.training.talk import general_speech
from recognizer.training.training import Plan, Trainer

logger = logging.getLogger("training")

_HERE = Path(__file__).parent
_ROOM_SAMPLES = 2000
_NOISE_SAMPLES = 8000
_REAL_TIMES, _SILENT_TIMES, _SYNTHETIC_TIMES = 1.5, 1.5, 0.25
"""Clips an epoch draws per available clip: of recordings, noises and synthetic voices."""
SYNTHETIC: Final = {"zh": 32000, "en": 12000}
"""Number of synthetic utterances per language."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare clips, train the network, export the models."""
    options = _options(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(0)
    phrases = {language: _phrases(language) for language in SYNTHETIC}
    stores = [ClipStore(path) for path in prepare(options.speech, options.work, phrases, SYNTHETIC, options.calls)]
    times = [_REAL_TIMES, _SILENT_TIMES, *[_SYNTHETIC_TIMES] * (len(stores) - 2)]
    shares = [_share(store, options.fold, often) for store, often in zip(stores, times, strict=True)]
    seconds = sum(clip.length for share in shares for clip in share.clips) / SAMPLE_RATE_HZ
    logger.info("%.0f hours of clips", seconds / 3600)
    lm = PhoneLM.of(clip.transcript for store in stores for clip in store.all)
    front = FrontEnd()
    with options.device:
        fbank = Fbank(front, WARPS)
        network = AcousticNetwork(Shape(features=front.bands))
    noise, echo = (made.to(options.device) for made in (_noises(options.speech), _rooms(options.speech)))
    augment = Augmenter(fbank, noise, echo, seed=0)
    trainer = Trainer(network, augment, front, lm, Plan(options.minutes, options.rate, options.clips))
    name = "checkpoint.pt" if options.fold is None else f"checkpoint-{options.fold}.pt"
    checkpoint = options.work / name
    if not checkpoint.is_file():
        _normalise(network, augment, shares)
    trainer.restore(checkpoint)
    trainer.train(shares, checkpoint)
    layers = network.cpu().kaldi_layers()
    if options.fold is not None:
        save(layers, options.out / "folds" / f"{options.fold}.npz")
        return
    recorded = [clip.transcript for clip in stores[0].all]
    for language in SYNTHETIC:
        folder = options.out / f"{language}-small-8k"
        export(layers, front, PhoneLM.of(general_speech(language, recorded)), language, folder)
        story = Story(
            name=folder.name,
            language=language,
            bands=front.bands,
            frame_ms=front.frame_ms,
            phones=len(phones_of(language)),
            size_bytes=(folder / "am" / "final.mdl").stat().st_size,
            minutes=options.minutes,
            machine=torch.cuda.get_device_name() if options.device.type == "cuda" else f"{options.threads} cores",
            steps=trainer.steps,
            clips=options.clips,
            trained_on=tuple(training_recordings(options.speech)),
            callers=tuple(chain.from_iterable(map(consented, options.calls))),
            noises=(*noises(options.speech), *rooms(options.speech)),
            synthetic=SYNTHETIC,
        )
        (folder / "README.md").write_text(card(story), encoding="utf-8")
        logger.info("written to %s", folder)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m recognizer.training", description=__doc__)
    parser.add_argument("--speech", type=Path, required=True, help="folder of recordings with a manifest.tsv")
    parser.add_argument(
        "--calls", type=Path, action="append", default=[], help="folder of callers' clips (service.py speech export)"
    )
    parser.add_argument("--work", type=Path, default=Path("var/training"), help="folder for clips and checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="output folder; one subfolder per model")
    parser.add_argument("--fold", type=int, choices=range(FOLDS), help="train without the speakers of this fold")
    parser.add_argument("--minutes", type=float, default=60.0, help="training time")
    parser.add_argument("--rate", type=float, default=2e-3, help="initial learning rate")
    parser.add_argument("--clips", type=int, default=64, help="clips per batch")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"), help="torch device, such as cuda")
    return parser.parse_args(arguments)


def _phrases(language: str) -> list[str]:
    """Read the possible answers of callers, one per line."""
    return (_HERE / f"phrases.{language}.txt").read_text(encoding="utf-8").splitlines()


def _share(store: ClipStore, fold: int | None, times: float) -> BatchShare:
    """Return the clips of a store that the model of a fold is trained on."""
    kept = [clip for clip in store.all if fold is None or not clip.speaker or fold_of(clip.speaker) != fold]
    return BatchShare(store, kept, times)


def _normalise(network: AcousticNetwork, augment: Augmenter, shares: Sequence[BatchShare]) -> None:
    """Set the network's input normalisation from a sample of the clips."""
    groups = epoch(shares, seed=0, most=64)[:12]
    samples = [batch(group).samples.to(network.mean.device) for group in groups]
    features = torch.cat([augment(part).flatten(0, 1) for part in samples])
    network.mean.copy_(features.mean(0))
    network.deviation.copy_(features.std(0).mean().expand(features.shape[1]))


def _noises(folder: Path) -> Tensor:
    """Return recorded noises, one per row, cut or padded to one second."""
    return _rows((_sound(folder, one) for one in noises(folder)), _NOISE_SAMPLES)


def _rooms(folder: Path) -> Tensor:
    """Return room impulse responses, starting at their peak and scaled to a peak of 1."""
    rows = [row[int(row.abs().argmax()) :] / row.abs().max() for row in (_sound(folder, one) for one in rooms(folder))]
    return _rows(rows, _ROOM_SAMPLES)


def _rows(sounds: Iterable[Tensor], length: int) -> Tensor:
    made = [torch.nn.functional.pad(row[:length], (0, max(0, length - len(row)))) for row in sounds]
    return torch.stack(made) if made else torch.zeros(0, length)


def _sound(folder: Path, one: CorpusRecording) -> Tensor:
    return torch.from_numpy(samples(folder / one.path).astype("float32"))


if __name__ == "__main__":
    main()
