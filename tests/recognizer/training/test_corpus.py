from __future__ import annotations

from pathlib import Path

import pytest

soundfile = pytest.importorskip("soundfile")
from recognizer.training.corpus import held_out, recordings, samples  # noqa: E402
from recognizer.training.licences import LicenceRefused  # noqa: E402
from recognizer.training.preparing import trained_on  # noqa: E402
from recognizer.training.transcripts import of_pinyin, of_text  # noqa: E402

HEADER = "path\ttext\tspeaker\tlang\tsec\tlicence\tsource\tnote\n"


def corpus(folder: Path, *rows: str) -> Path:
    (folder / "manifest.tsv").write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return folder


def row(path: str, text: str, speaker: str, licence: str = "CC0", note: str = "", lang: str = "zh") -> str:
    return "\t".join((path, text, speaker, lang, "1.0", licence, "somewhere", note))


def test_one_recording_without_a_licence_stops_the_training(tmp_path: Path) -> None:
    folder = corpus(tmp_path, row("a/1.flac", "满意", "anna"), row("a/2.flac", "满意", "anna", licence="CC BY-NC 4.0"))
    with pytest.raises(LicenceRefused):
        trained_on(folder)


def test_what_is_said_is_text_or_a_syllable(tmp_path: Path) -> None:
    folder = corpus(tmp_path, row("a/1.flac", "满意", "anna"), row("a/2.flac", "八", "anna", note="pinyin ba1; 16k"))
    text, syllable = recordings(folder)
    assert text.transcript() == of_text("满意")
    assert syllable.transcript() == of_pinyin([["ba1"]])


def test_what_nobody_can_pronounce_has_no_transcript(tmp_path: Path) -> None:
    folder = corpus(tmp_path, row("a/1.flac", "EYN", "anna"), row("a/2.flac", "", "anna", note="pinyin xyz1"))
    assert [one.transcript() for one in recordings(folder)] == [None, None]
    assert trained_on(folder) == []


def test_held_out_speakers_are_not_trained_on(tmp_path: Path) -> None:
    speakers = ("hantts_m", "cv_18531674", "aishell3_SSB0005", "aishell3_SSB0012", "yuetan_f")
    folder = corpus(tmp_path, *(row(f"a/{speaker}.flac", "满意", speaker) for speaker in speakers))
    assert {one.speaker for one in trained_on(folder)} == {"aishell3_SSB0012", "yuetan_f"}
    assert {one.speaker for one in recordings(folder) if held_out(one)} == set(speakers[:3])


def test_other_languages_are_not_trained_on(tmp_path: Path) -> None:
    assert trained_on(corpus(tmp_path, row("a/1.flac", "yes", "anna", lang="en"))) == []


def test_a_recording_comes_as_mono_at_8_khz(tmp_path: Path) -> None:
    import numpy as np

    soundfile.write(tmp_path / "a.flac", np.ones((32000, 2), np.int16) * 1000, 16000)
    sound = samples(tmp_path / "a.flac")
    assert len(sound) == 16000
    assert abs(int(sound[8000]) - 1000) <= 2
