"""Clips are exported from recorded calls to a training folder, and erased again."""

from __future__ import annotations

import asyncio
import csv
import stat
import wave
from pathlib import Path
from shutil import move

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ivr.cli.speech import app
from ivr.flow.parse import FlowSet
from ivr.speech.speakers import Speakers
from recognizer.audio import level_dbov
from recognizer.training.corpus import held_out, recordings
from recognizer.training.licences import check_consent
from tests.speech.conftest import CallSource, RecordedCall, voice
from tests.spellings import COMPANY, COMPANYS, PERSONS

NUMBER = "13812345678"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUIFANG_DATA", str(tmp_path / "var"))
    return tmp_path / "var"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return tmp_path / "clips"


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


async def export(clips: Path) -> str:
    """Run the command in a thread, since it runs an event loop of its own."""
    result = await asyncio.to_thread(command, "export", clips)
    assert result.exit_code == 0, result.output
    return result.output


def rows(clips: Path) -> list[dict[str, str]]:
    with (clips / "manifest.tsv").open(encoding="utf-8") as manifest:
        return list(csv.DictReader(manifest, delimiter="\t"))


async def answered(line: CallSource, number: str = NUMBER) -> RecordedCall:
    call = await line.call(number)
    await call.hears(("解决了", 0.95))
    await call.says("manyi", ("满意", 0.6))
    await call.hears(("对", 0.95))
    return call


async def test_a_confirmed_answer_becomes_a_clip(line: CallSource, clips: Path) -> None:
    call = await answered(line)
    await call.ends()
    assert "1 new clips of 1 callers" in await export(clips)
    (row,) = rows(clips)
    assert (row["text"], row["lang"], row["note"]) == ("满意", "zh", "")
    assert row["licence"] == "consent of the caller, 2026-11-24, for models of this service"
    with wave.open(str(clips / row["path"])) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert float(row["sec"]) == pytest.approx(len(heard) / 8000, abs=0.01)
    said = voice("manyi")
    assert len(said) <= len(heard) <= len(said) + 8 * 500
    place = int(np.argmax(np.correlate(heard.astype(float), said[:2000].astype(float))))
    assert np.array_equal(heard[place : place + len(said)], said)


async def test_the_training_reads_the_folder(line: CallSource, clips: Path) -> None:
    call = await answered(line)
    await call.ends()
    await export(clips)
    (recording,) = recordings(clips, check_consent)
    assert (recording.said, recording.language) == ("满意", "zh")
    assert recording.transcript()
    assert not held_out(recording, fold=None)


async def test_callers_are_pseudonymous_and_keep_their_pseudonym(line: CallSource, clips: Path, data: Path) -> None:
    for number in (NUMBER, "+86 138 1234 5678", "13912345678"):
        await (await answered(line, number)).ends()
    await export(clips)
    listed = rows(clips)
    assert len(listed) == 3
    assert sorted(sum(row["speaker"] == other["speaker"] for other in listed) for row in listed) == [1, 2, 2]
    text = (clips / "manifest.tsv").read_text(encoding="utf-8")
    assert "1234" not in text and "call-" not in text
    for path in (clips / listed[0]["path"], data / "speech" / "key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_second_export_adds_only_new_clips(line: CallSource, clips: Path) -> None:
    await (await answered(line)).ends()
    await export(clips)
    before = rows(clips)
    assert "0 new clips of 0 callers" in await export(clips)
    assert rows(clips) == before
    await (await answered(line)).ends()
    assert "1 new clips" in await export(clips)
    assert len(rows(clips)) == 2


async def test_unusable_calls_are_left_out(line: CallSource, clips: Path) -> None:
    """Calls still open, unrecorded or without a number; answers with other words around them; silent answers."""
    await answered(line)
    await (await answered(line)).ends(kept=False)
    await (await answered(line, "")).ends()
    await (await answered(line, "anonymous")).ends()
    call = await line.call()
    await call.hears(("解决了", 0.95))
    await call.says("kuaidi_fang_menkou", ("满意", 0.6))
    await call.hears(("对", 0.95))
    await call.ends()
    silent = await line.call()
    await silent.hears(("解决了", 0.95))
    await silent.hears(("满意", 0.6))
    await silent.hears(("对", 0.95))
    await silent.ends()
    assert "0 new clips" in await export(clips)
    assert rows(clips) == []


async def test_an_erasure_waits_for_a_running_export(data: Path) -> None:
    speakers = Speakers(data / "speech")
    with speakers.locked():
        erasing = asyncio.create_task(asyncio.to_thread(command, "erase", "--number", NUMBER))
        await asyncio.sleep(0.3)
        assert speakers.erased() == frozenset()
    assert (await erasing).exit_code == 0
    assert speakers.erased() == {speakers.pseudonym(NUMBER)}


async def test_a_call_whose_flow_is_no_longer_readable_is_left_out(
    line: CallSource, clips: Path, flow_set: FlowSet
) -> None:
    line.flow_set = FlowSet("old", "version: nonsense", flow_set.flows)
    await (await answered(line)).ends()
    assert "0 new clips" in await export(clips)


async def test_a_missing_recording_is_reported_and_the_others_are_exported(line: CallSource, clips: Path) -> None:
    gone = await answered(line)
    await gone.ends()
    gone.path.unlink()
    await (await answered(line, "13912345678")).ends()
    output = await export(clips)
    assert "1 new clips of 1 callers" in output
    assert "1 calls skipped: their recordings cannot be read" in output


async def test_a_caller_is_erased_everywhere_and_permanently(line: CallSource, clips: Path, tmp_path: Path) -> None:
    for number in (NUMBER, "13912345678"):
        await (await answered(line, number)).ends()
    folders = [clips, tmp_path / "more"]
    for folder in folders:
        await export(folder)
    result = command("erase", "--number", "+8613812345678")
    assert result.exit_code == 0
    for folder in folders:
        assert f"1 clips of +86138****5678 deleted in {folder}" in result.output
        assert len(list(folder.glob("*/*.wav"))) == len(rows(folder)) == 1
    assert "0 new clips" in await export(clips)


def test_a_caller_has_one_pseudonym_under_every_spelling(data: Path) -> None:
    speakers = Speakers(data / "speech")
    assert {speakers.pseudonyms(text) for text in PERSONS} == {(speakers.pseudonym("13812345678"),)}
    assert {speakers.pseudonym(text) for text in COMPANYS} == {speakers.pseudonym(COMPANY)}
    assert speakers.pseudonym(COMPANY) != speakers.pseudonym("0411-83612345") != speakers.pseudonym("0411-83612346")


async def test_who_was_erased_by_an_earlier_version_stays_erased(line: CallSource, clips: Path, data: Path) -> None:
    """It took +8641183612345 and 041183612345 for two speakers, and knew only one of them."""
    speakers = Speakers(data / "speech")
    pseudonyms = speakers.pseudonyms("0411-83612345")
    assert len(pseudonyms) == 2
    for number, earlier in zip(("041183612345", "+8641183612345"), pseudonyms, strict=True):
        speakers.erase(earlier)
        await (await answered(line, number)).ends()
        assert "0 new clips" in await export(clips)
        (data / "speech" / "erased").unlink()


async def test_a_missing_folder_is_named(line: CallSource, clips: Path) -> None:
    await (await answered(line)).ends()
    await export(clips)
    speaker = rows(clips)[0]["speaker"]
    move(clips, clips.with_name("elsewhere"))
    assert (
        f"{clips} no longer exists; if it was moved, delete clips of {speaker} there"
        in command("erase", "--number", NUMBER).output
    )


def test_an_invalid_number_erases_nobody(data: Path) -> None:
    result = command("erase", "--number", "nobody")
    assert result.exit_code == 2
    assert "nobody is not a telephone number" in result.output
    assert not data.exists()


def test_the_voice_of_these_calls_is_loud_enough() -> None:
    assert level_dbov(voice("manyi").tobytes()) > -35
