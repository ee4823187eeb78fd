"""The models that measure a kind of model: each was trained like it, but without the speakers that it is to hear.

`folds/` beside a model's folder holds their networks, `0.npz` and so on, as `make model FOLD=0` writes them. Must not
know: trials, figures.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from recognizer.training.corpus import FOLDS
from recognizer.training.export import write_acoustic
from recognizer.training.layers import load


def unfold(folder: Path, language: str, out: Path) -> Sequence[Path]:
    """Folders of models for each fold, written under `out`; none where there are no folds beside `folder`.

    Raises:
        FileNotFoundError: some of the folds are missing.
    """
    networks = folder.parent / "folds"
    if not networks.is_dir():
        return ()
    made = []
    for fold in range(FOLDS):
        model = out / f"{folder.name}-{fold}"
        shutil.copytree(folder, model, dirs_exist_ok=True)
        write_acoustic(load(networks / f"{fold}.npz"), language.partition("-")[0], model)
        made.append(model)
    return made
