from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ivr.prompts.audio import Samples, write_wav
from ivr.prompts.build import build
from ivr.prompts.check import check
from ivr.prompts.tone import Tone

MakeTone = Callable[..., Samples]


@pytest.fixture
def greeting(built: Path) -> Path:
    """A recording without faults, for a test to spoil."""
    return built / "audio/zh-CN/greeting.wav"


def the_fault(folder: Path, file: Path) -> str:
    [fault] = check(folder)
    assert fault.file == str(file)
    return fault.reason


def test_missing(built: Path, greeting: Path) -> None:
    greeting.unlink()
    assert the_fault(built, greeting) == "it is missing; run `prompts build`"


def test_stale_text(built: Path, greeting: Path, make_catalog: Callable[..., Path]) -> None:
    make_catalog(prompts={"greeting": {"zh-CN": "早上好。"}, "confirm": {"zh-CN": "您说的是{value:score}，对吗？"}})
    assert the_fault(built, greeting) == "it is stale: its text has changed; run `prompts build`"


def test_stale_voice(built: Path, make_catalog: Callable[..., Path]) -> None:
    make_catalog(voices={"zh-CN": [{"engine": "tone", "voice": "b"}]})
    faults = check(built)
    assert len(faults) == 14
    assert faults[0].reason == "it is stale: the voice 'tone a 160 50' is no longer in the catalog; run `prompts build`"


def test_stale_recording(built: Path, greeting: Path, tone: MakeTone) -> None:
    recorded = built / "recorded/zh-CN/greeting.wav"
    recorded.parent.mkdir(parents=True)
    write_wav(recorded, tone())
    assert the_fault(built, greeting) == f"it is stale: {recorded} is newer; run `prompts build`"
    build(built, speakers={"tone": Tone()})
    recorded.unlink()
    assert the_fault(built, greeting) == f"it is stale: {recorded} no longer exists; run `prompts build`"


def test_several_voices_in_a_language(built: Path, greeting: Path, make_catalog: Callable[..., Path]) -> None:
    manifest = built / "audio/manifest.json"
    before = manifest.read_text(encoding="utf-8")
    both = [{"engine": "tone", "voice": "a"}, {"engine": "tone", "voice": "b"}]
    make_catalog(voices={"zh-CN": both[::-1]})
    build(built, speakers={"tone": Tone()})
    entry = before.index('"greeting"')
    old = before[entry : before.index("}", entry)]
    after = manifest.read_text(encoding="utf-8")
    entry = after.index('"greeting"')
    manifest.write_text(after.replace(after[entry : after.index("}", entry)], old), encoding="utf-8")
    assert "several voices (tone a 160 50, tone b 160 50)" in the_fault(built, built / "audio/zh-CN")


def test_without_a_manifest_the_origin_of_audio_is_unknown(built: Path) -> None:
    (built / "audio/manifest.json").write_text("[]", encoding="utf-8")
    assert {fault.reason for fault in check(built)} == {"it is not in the manifest; run `prompts build`"}


def test_clipped(built: Path, greeting: Path, tone: MakeTone) -> None:
    write_wav(greeting, np.clip(tone(-16), -0.12, 0.12) * 8)
    assert "it is clipped" in [fault.reason for fault in check(built)]


def test_an_undistorted_peak_is_not_clipped(built: Path, greeting: Path, tone: MakeTone) -> None:
    write_wav(greeting, tone(-22))
    assert check(built) == []


def test_peak_too_high(built: Path, greeting: Path, tone: MakeTone) -> None:
    samples = tone(-22, 2)
    samples[::4000] = 0.9
    write_wav(greeting, samples)
    assert the_fault(built, greeting).startswith("its peak of -0.9 dBFS is above -3 dBFS")


def test_too_quiet(built: Path, greeting: Path, tone: MakeTone) -> None:
    write_wav(greeting, tone(-23))
    assert the_fault(built, greeting) == "it is too quiet: -23.0 dBov instead of -22"


def test_too_loud(built: Path, greeting: Path, tone: MakeTone) -> None:
    write_wav(greeting, tone(-21))
    assert the_fault(built, greeting) == "it is too loud: -21.0 dBov instead of -22"


def test_silent(built: Path, greeting: Path) -> None:
    write_wav(greeting, np.zeros(8000, np.float32))
    assert the_fault(built, greeting) == "it is too quiet: -inf dBov instead of -22"


def test_too_long(built: Path, greeting: Path, tone: MakeTone) -> None:
    write_wav(greeting, tone(-22, 13))
    assert the_fault(built, greeting).startswith("it is too long: 13.0 s; the limit is 12 s")


@pytest.mark.parametrize(
    ("rate", "width", "channels", "form"),
    [
        (16000, 2, 1, "16000 Hz, 16 bit, 1 channel(s)"),
        (8000, 1, 1, "8000 Hz, 8 bit, 1 channel(s)"),
        (8000, 2, 2, "8000 Hz, 16 bit, 2 channel(s)"),
    ],
)
def test_wrong_format(built: Path, greeting: Path, rate: int, width: int, channels: int, form: str) -> None:
    with wave.open(str(greeting), "wb") as file:
        file.setframerate(rate)
        file.setsampwidth(width)
        file.setnchannels(channels)
        file.writeframes(bytes(8000))
    assert the_fault(built, greeting) == f"it has {form}; required: 8000 Hz, 16 bit, 1 channel"


def test_no_audio_at_all(built: Path, greeting: Path) -> None:
    greeting.write_bytes(b"no sound")
    assert the_fault(built, greeting).startswith("it is not a WAV file")


@pytest.mark.parametrize(
    "stranger", ["audio/zh-CN/old.wav", "audio/zh-CN/spoken/score-11.wav", "audio/zh-CN/notes.txt"]
)
def test_not_in_the_catalog(built: Path, stranger: str) -> None:
    (built / stranger).write_bytes(b"")
    assert the_fault(built, built / stranger) == "it is not in the catalog"
