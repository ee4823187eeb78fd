from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognizer.confidence import Evidence
from recognizer.evaluation.hearing import HeardTrial, TrialReading

soundfile = pytest.importorskip("soundfile")

HEADER = "path\ttext\tspeaker\tlang\tsec\tlicence\tsource\tnote\n"
Hear = Callable[..., HeardTrial]


@pytest.fixture
def speech(tmp_path: Path, clip: Callable[[str], bytes]) -> Path:
    """A corpus: one sentence, and hiss as syllables (inside and outside the folds), English words and noise."""
    folder = tmp_path / "speech"
    rows = []
    chance = np.random.default_rng(0)

    def add(name: str, seconds: float, text: str, speaker: str, lang: str, note: str = "") -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        soundfile.write(path, (chance.normal(size=int(8000 * seconds)) * 3000).astype(np.int16), 8000)
        rows.append(f"{name}\t{text}\t{speaker}\t{lang}\t{seconds}\tCC0\tsomewhere\t{note}\n")

    for number, syllable in enumerate(("ba1", "fen1", "shi4", "ma3", "bu4")):
        add(f"syllables/{number}.flac", 0.5, "", "hantts_m", "zh", f"pinyin {syllable}")
        add(f"others/{number}.flac", 0.5, "", "yuetan_f", "zh", f"pinyin {syllable}")
    add("sentences/1.flac", 1.0, "幺三八五", "cv_1", "zh")
    soundfile.write(folder / "sentences" / "1.flac", np.frombuffer(clip("yao_san_ba_wu"), "<i2"), 8000)
    for speaker in ("gsc_0a", "gsc_05", "gsc_11"):
        for word in ("yes", "no", "house", "two"):
            add(f"english/{speaker}{word}.flac", 0.6, word, speaker, "en")
    for number in range(9):
        add(f"noise/{number}.flac", 1.0, "", "-", "noise")
    (folder / "manifest.tsv").write_text(HEADER + "".join(rows), encoding="utf-8")
    return folder


@pytest.fixture
def hearing() -> Hear:
    """A trial in which 八 is heard as 八 with confidence 0.9 on an ordinary call; arguments override the defaults."""

    def make(
        heard: str = "八", sure: float = 0.9, rival: str = "", rival_sure: float = 0.0, **other: Any
    ) -> HeardTrial:
        said = str(other.get("said", "八"))
        pairs = ((heard, sure), (rival, rival_sure))
        usual = {
            "question": "score",
            "said": "八",
            "length": 1,
            "how": "recorded",
            "speaker": "hantts_m",
            "half": "test",
        }
        return HeardTrial(
            **{
                **usual,
                **{"condition": "µ-law", "audio_s": 1.0, "spent_s": 0.01, "answered_s": 0.005},
                "readings": tuple(
                    TrialReading(text, text == said, share, Evidence("zh-CN", text, "", 1.0, 2.0, len(text), 300))
                    for text, share in pairs
                    if text
                ),
                **other,
            }
        )

    return make
