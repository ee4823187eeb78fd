"""Cross-validation models: each was trained like the evaluated model, but without the speakers of its fold.

`folds/` next to a model's folder contains their networks, `0.npz` and so on, as written by `make model FOLD=0`.
Must not know: trials, figures.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from recognizer.training.corpus import FOLDS
from recognizer.training.export import write_acoustic
from recognizer.training.layers import load


def fold_models(folder: Path, language: str, out: Path) -> Sequence[Path]:
    """Write a model folder for each fold under `out` and return them; none if there is no `folds/` next to `folder`.

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
