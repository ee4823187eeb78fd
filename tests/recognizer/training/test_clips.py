from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recognizer.training import clips
from recognizer.training.clips import ClipSound, ClipStore

SOUNDS = [ClipSound(np.arange(3, dtype=np.int16), ((4, 5), (6,)), "anna"), ClipSound(np.arange(5, dtype=np.int16), ())]


def test_a_store_returns_the_written_clips(tmp_path: Path) -> None:
    clips.write(tmp_path / "store", SOUNDS)
    store = ClipStore(tmp_path / "store")
    assert [(clip.transcript, clip.speaker) for clip in store.all] == [(((4, 5), (6,)), "anna"), ((), "")]
    assert [store.samples(clip).tolist() for clip in store.all] == [[0, 1, 2], [0, 1, 2, 3, 4]]


def test_an_interrupted_store_is_unfinished(tmp_path: Path) -> None:
    def broken() -> Iterator[ClipSound]:
        yield ClipSound(np.zeros(3, np.int16), ())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clips.write(tmp_path / "store", broken())
    assert not clips.finished(tmp_path / "store")
    clips.write(tmp_path / "store", SOUNDS)
    assert clips.finished(tmp_path / "store")
