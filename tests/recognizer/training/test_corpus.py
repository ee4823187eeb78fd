from __future__ import annotations

from pathlib import Path

import pytest

soundfile = pytest.importorskip("soundfile")
from recognizer.training.clips import ClipStore  # noqa: E402
from recognizer.training.corpus import held_out, recordings, samples  # noqa: E402
from recognizer.training.licences import LicenceRefused  # noqa: E402
from recognizer.training.preparing import prepare, training_recordings  # noqa: E402
from recognizer.training.transcripts import of_english, of_pinyin, of_text  # noqa: E402

HEADER = "path\ttext\tspeaker\tlang\tsec\tlicence\tsource\tnote\n"


def corpus(folder: Path, *rows: str) -> Path:
    (folder / "manifest.tsv").write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return folder


def row(path: str, text: str, speaker: str, licence: str = "CC0", note: str = "", lang: str = "zh") -> str:
    return "\t".join((path, text, speaker, lang, "1.0", licence, "somewhere", note))


def test_one_recording_without_a_licence_stops_the_training(tmp_path: Path) -> None:
    folder = corpus(tmp_path, row("a/1.flac", "满意", "anna"), row("a/2.flac", "满意", "anna", licence="CC BY-NC 4.0"))
    with pytest.raises(LicenceRefused):
        training_recordings(folder)


def test_a_transcript_is_text_or_a_syllable(tmp_path: Path) -> None:
    folder = corpus(tmp_path, row("a/1.flac", "满意", "anna"), row("a/2.flac", "八", "anna", note="pinyin ba1; 16k"))
    text, syllable = recordings(folder)
    assert text.transcript() == of_text("满意")
    assert syllable.transcript() == of_pinyin([["ba1"]])


def test_unpronounceable_text_has_no_transcript(tmp_path: Path) -> None:
    folder = corpus(tmp_path, row("a/1.flac", "EYN", "anna"), row("a/2.flac", "", "anna", note="pinyin xyz1"))
    assert [one.transcript() for one in recordings(folder)] == [None, None]
    assert training_recordings(folder) == []


def test_the_model_of_a_fold_excludes_its_speakers_and_the_shipped_model_none(tmp_path: Path) -> None:
    speakers = ("hantts_m", "davin_1", "chenwang_f", "yuetan_f", "cv_18531674", "gsc_18f8afd5")
    folder = corpus(tmp_path, *(row(f"a/{speaker}.flac", "满意", speaker) for speaker in speakers))
    assert {one.speaker for one in training_recordings(folder)} == set(speakers)
    unheard = [{one.speaker for one in recordings(folder) if held_out(one, fold)} for fold in (0, 1, 2, None)]
    assert sorted(speaker for fold in unheard for speaker in fold) == sorted(set(speakers) - {"yuetan_f"})
    assert all(speaker in fold for speaker, fold in zip(speakers, unheard[:3], strict=False))
    assert unheard[3] == set()


def test_only_mandarin_and_english_are_trained_on(tmp_path: Path) -> None:
    rows = (row(f"a/{lang}.flac", "yes" if lang == "en" else "是", "anna", lang=lang) for lang in ("zh", "en", "fr"))
    assert {one.language for one in training_recordings(corpus(tmp_path, *rows))} == {"zh", "en"}


def test_english_text_is_pronounced_by_the_dictionary(tmp_path: Path) -> None:
    known, unknown = recordings(
        corpus(tmp_path, row("a/1.flac", "Yes", "anna", lang="en"), row("a/2.flac", "xqzt", "anna", lang="en"))
    )
    assert known.transcript() == of_english("yes")
    assert known.transcript() != of_english("no")
    assert unknown.transcript() is None


def test_callers_clips_are_trained_on_beside_the_recordings(tmp_path: Path) -> None:
    import numpy as np

    folders = tmp_path / "speech", tmp_path / "calls"
    licences = "CC0", "consent of the caller, 2026-11-24, for models of this service"
    for folder, text, licence in zip(folders, ("是", "八分"), licences, strict=True):
        folder.mkdir()
        soundfile.write(folder / "a.wav", np.full(4000, 900, np.int16), 8000)
        corpus(folder, row("a.wav", text, "anna", licence=licence))
    store = ClipStore(prepare(folders[0], tmp_path / "work", {}, {}, [folders[1]])[0])
    assert {of_text("是"), of_text("八分")} <= {clip.transcript for clip in store.all}
    with pytest.raises(LicenceRefused):
        training_recordings(folders[1])


def test_clips_are_rebuilt_when_the_recordings_change(tmp_path: Path) -> None:
    import numpy as np

    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.wav", np.full(4000, 900, np.int16), 8000)
    work = tmp_path / "work"
    prepare(corpus(tmp_path, row("a.wav", "是", "anna"), row("b.wav", "是", "ben")), work, {}, {})
    checkpoint = work / "checkpoint.pt"
    checkpoint.write_bytes(b"trained on both")
    prepare(tmp_path, work, {}, {})
    assert checkpoint.is_file()
    store = ClipStore(prepare(corpus(tmp_path, row("a.wav", "是", "anna")), work, {}, {})[0])
    assert [clip.speaker for clip in store.all] == ["anna"]
    assert not checkpoint.exists()


def test_short_recordings_of_one_voice_are_concatenated(tmp_path: Path) -> None:
    import numpy as np

    rows = [row(f"{number}.flac", text, "anna") for number, text in enumerate("一二三四五六七八" * 13)]
    for line in rows:
        soundfile.write(tmp_path / line.partition("\t")[0], np.full(3000, 900, np.int16), 8000)
    store = ClipStore(prepare(corpus(tmp_path, *rows), tmp_path / "work", {}, {})[0])
    made = [clip for clip in store.all if len(clip.transcript) > 1]
    assert len(made) > 50
    assert all(2 <= len(clip.transcript) <= 5 for clip in made)
    assert all(clip.length >= 2500 * len(clip.transcript) for clip in made)


def test_a_recording_is_converted_to_mono_at_8_khz(tmp_path: Path) -> None:
    import numpy as np

    soundfile.write(tmp_path / "a.flac", np.ones((32000, 2), np.int16) * 1000, 16000)
    sound = samples(tmp_path / "a.flac")
    assert len(sound) == 16000
    assert abs(int(sound[8000]) - 1000) <= 2
