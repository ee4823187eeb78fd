from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recognizer.model import open_model
from recognizer.training.card import Story, card
from recognizer.training.corpus import recordings
from recognizer.training.evaluate import alignment, in_text, table
from recognizer.training.trials import SCORE, Trial, telephone, trials
from recognizer.vosk import SHIPPED

Clip = Callable[[str], bytes]
HEADER = "path\ttext\tspeaker\tlang\tsec\tlicence\tsource\tnote\n"


def test_a_table_counts_what_the_service_would_do(clip: Clip, tmp_path: Path) -> None:
    asked = [
        Trial("answers", "八分", SCORE, "anna", clip("bafen")),
        Trial("answers", "九分", SCORE, "anna", clip("bafen")),
        Trial("other", "", SCORE, "anna", clip("kuaidi_fang_menkou")),
    ]
    made = table(open_model("zh-CN", SHIPPED["zh-CN"], tmp_path), asked)
    assert made["answers"]["n"] == 2
    assert made["answers"]["best right"] == 1
    assert made["answers"]["accept right"] + made["answers"]["confirm right"] == 1
    assert made["answers"]["accept wrong"] + made["answers"]["confirm wrong"] == 1
    assert made["other"]["again"] == 1
    assert "| answers | 2 | 50.0 |" in in_text(made)


def test_phrases_are_found_one_after_the_other(clip: Clip, tmp_path: Path) -> None:
    model = open_model("zh-CN", SHIPPED["zh-CN"], tmp_path)
    found = alignment(model, clip("yao_san_ba_wu"), ["幺", "三", "八", "五"])
    assert [text for text, _, _ in found] == ["幺", "三", "八", "五"]
    assert all(one[2] <= other[1] + 60 for one, other in itertools.pairwise(found))
    assert alignment(model, clip("bafen"), ["没有", "解决了"]) == []


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Syllables of a held-out speaker and of another, noise, and a sentence."""
    rows = []
    chance = np.random.default_rng(0)

    def add(name: str, seconds: float, text: str, speaker: str, lang: str, note: str = "") -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, (chance.normal(size=int(8000 * seconds)) * 3000).astype(np.int16), 8000)
        rows.append(f"{name}\t{text}\t{speaker}\t{lang}\t{seconds}\tCC0\tsomewhere\t{note}\n")

    for number, syllable in enumerate(("ba1", "fen1", "shi4", "ma3")):
        add(f"syllables/{number}.flac", 0.5, "", "hantts_m", "zh", f"pinyin {syllable}")
        add(f"others/{number}.flac", 0.5, "", "anna", "zh", f"pinyin {syllable}")
    add("sentences/1.flac", 3.2, "满意一般", "cv_1", "zh")
    for number in range(9):
        add(f"noise/{number}.flac", 1.0, "", "-", "noise")
    (tmp_path / "manifest.tsv").write_text(HEADER + "".join(rows), encoding="utf-8")
    return tmp_path


def aligned(_pcm: bytes, phrases: Sequence[str]) -> list[tuple[str, int, int]]:
    return [(phrase, 300 + 1500 * number, 1800 + 1500 * number) for number, phrase in enumerate(phrases)]


def test_trials_are_by_held_out_speakers_only(speech: Path) -> None:
    made = list(trials(speech, aligned))
    assert {one.speaker for one in made} == {"hantts_m", "cv_1", "-"}
    assert {one.said for one in made if one.kind == "digits"} == {"八"}
    assert {one.said for one in made if one.kind == "2 syllables"} == {"八分"}
    assert {one.said for one in made if one.kind == "out of sentences"} == {"满意", "一般"}
    assert all(one.said in one.phrases for one in made if one.said)
    others = [one for one in made if not one.said]
    assert {one.kind for one in others} == {"syllables", "sentences", "noise", "tones, music"}
    assert sum(one.kind == "syllables" and one.phrases == SCORE for one in others) == 2


def test_a_line_is_level_and_noisy_as_said(speech: Path) -> None:
    sound = (np.sin(np.arange(8000) / 3) * 300).astype(np.int16)
    clean, noisy = (np.frombuffer(telephone(sound, noise), "<i2").astype(float) for noise in (None, 10))
    assert np.square(clean[2400:-2400]).mean() ** 0.5 == pytest.approx(32768 * 10 ** (-26 / 20), rel=0.1)
    assert np.square(noisy[:2400]).mean() == pytest.approx(np.square(clean[2400:-2400]).mean() / 10, rel=0.2)


def test_the_card_names_all_sources_and_their_licences(speech: Path) -> None:
    everything = tuple(recordings(speech))
    story = Story(
        **{"name": "small", "bands": 40, "frame_ms": 32, "phones": 210, "size_bytes": 5_600_000, "minutes": 30.0},
        **{"steps": 1800, "started_from": "", "synthetic": 16000, "figures": "| what |"},
        trained_on=everything[:4],
        noises=everything[-9:],
        held_out=everything,
    )
    text = card(story)
    assert "1 speaker(s): somewhere (CC0)" in text
    assert "anna, cv_1, hantts_m" in text
    assert "`noise`" in text
    assert "began" not in text
