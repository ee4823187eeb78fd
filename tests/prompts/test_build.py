from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from ivr.errors import FaultyFile
from ivr.prompts.audio import LEVEL_DBOV, Samples, level_dbov, write_wav
from ivr.prompts.build import NoEngine, build
from ivr.prompts.check import check
from ivr.prompts.recording import read_sound
from ivr.prompts.render import EngineFailed
from ivr.prompts.tone import Tone

MakeCatalog = Callable[..., Path]


def test_a_build_from_scratch_passes_the_check(make_catalog: MakeCatalog) -> None:
    folder = make_catalog()
    report = build(folder, speakers={"tone": Tone()})
    assert len(report.spoken) == 3 + 11
    assert check(folder) == []


def test_a_second_build_has_nothing_to_do(built: Path) -> None:
    engine = Tone()
    report = build(built, speakers={"tone": engine})
    assert (engine.spoken, len(report.kept)) == ([], 14)


def test_only_changed_prompts_are_rendered_again(built: Path, make_catalog: MakeCatalog) -> None:
    engine = Tone()
    make_catalog(prompts={"greeting": {"zh-CN": "早上好。"}, "confirm": {"zh-CN": "您说的是{value:score}，对吗？"}})
    report = build(built, speakers={"tone": engine})
    assert engine.spoken == ["早上好。"]
    assert report.spoken == ["zh-CN/greeting"]


def test_lost_audio_is_rendered_again(built: Path) -> None:
    (built / "audio/zh-CN/greeting.wav").unlink()
    assert build(built, speakers={"tone": Tone()}).spoken == ["zh-CN/greeting"]


def test_another_voice_renders_everything_again(built: Path, make_catalog: MakeCatalog) -> None:
    make_catalog(voices={"zh-CN": [{"engine": "tone", "voice": "b"}]})
    assert len(build(built, speakers={"tone": Tone()}).spoken) == 14


def test_audio_of_removed_prompts_is_deleted(built: Path, make_catalog: MakeCatalog) -> None:
    make_catalog(prompts={"greeting": {"zh-CN": "您好。"}})
    report = build(built, speakers={"tone": Tone()})
    assert len(report.removed) == 13
    assert [file.name for file in (built / "audio/zh-CN").rglob("*.wav")] == ["greeting.wav"]


def test_a_human_recording_takes_precedence_over_the_engine(built: Path, tone: Callable[..., Samples]) -> None:
    (built / "recorded/zh-CN").mkdir(parents=True)
    write_wav(built / "recorded/zh-CN/greeting.wav", tone(-40, 3))
    report = build(built, speakers={"tone": Tone()})
    assert (report.recorded, report.spoken) == (["zh-CN/greeting"], [])
    samples = read_sound((built / "audio/zh-CN/greeting.wav").read_bytes()).samples
    assert samples.size / 8000 == pytest.approx(3, abs=0.1)
    assert level_dbov(samples) == pytest.approx(LEVEL_DBOV, abs=0.1)
    assert check(built) == []


def test_a_removed_human_recording_is_rendered_again(built: Path, tone: Callable[..., Samples]) -> None:
    recorded = built / "recorded/zh-CN/greeting.wav"
    recorded.parent.mkdir(parents=True)
    write_wav(recorded, tone())
    build(built, speakers={"tone": Tone()})
    recorded.unlink()
    assert build(built, speakers={"tone": Tone()}).spoken == ["zh-CN/greeting"]


def test_a_human_recording_without_speech_is_rejected_by_name(built: Path) -> None:
    recorded = built / "recorded/zh-CN/greeting.wav"
    recorded.parent.mkdir(parents=True)
    recorded.write_bytes(b"no sound")
    with pytest.raises(FaultyFile, match=r"recorded/zh-CN/greeting\.wav: it is not a WAV file"):
        build(built, speakers={"tone": Tone()})


def test_the_first_available_voice_is_used(make_catalog: MakeCatalog) -> None:
    voices = [{"engine": "choir", "voice": "x"}, {"engine": "tone", "voice": "b"}, {"engine": "tone", "voice": "a"}]
    folder = make_catalog(voices={"zh-CN": voices})
    build(folder, speakers={"tone": Tone(absent="b")})
    manifest = json.loads((folder / "audio/manifest.json").read_text(encoding="utf-8"))
    assert {entry["by"] for entry in manifest["zh-CN"].values()} == {"tone a 160 50"}


def test_without_any_voice_the_error_says_how_to_get_one(make_catalog: MakeCatalog) -> None:
    folder = make_catalog()
    with pytest.raises(NoEngine, match=r"no speech engine for zh-CN: the tone a is not installed; install it"):
        build(folder, speakers={"tone": Tone(absent="a")})
    assert not list(folder.rglob("*.wav"))


def test_recordings_and_removals_work_without_any_voice(
    built: Path, make_catalog: MakeCatalog, tone: Callable[..., Samples]
) -> None:
    make_catalog(prompts={"greeting": {"zh-CN": "您好。"}, "welcome": {"zh-CN": "欢迎。"}})
    (built / "recorded/zh-CN").mkdir(parents=True)
    write_wav(built / "recorded/zh-CN/welcome.wav", tone())
    report = build(built, speakers={})
    assert (report.recorded, report.kept, len(report.removed)) == (["zh-CN/welcome"], ["zh-CN/greeting"], 13)
    assert check(built) == []


def test_audio_rendered_before_an_engine_failed_is_kept(make_catalog: MakeCatalog) -> None:
    folder = make_catalog(prompts={"good": {"zh-CN": "好。"}, "mute": {"zh-CN": "_"}})
    with pytest.raises(EngineFailed, match="no letters in '_'"):
        build(folder, speakers={"tone": Tone()})
    assert build(make_catalog(prompts={"good": {"zh-CN": "好。"}}), speakers={"tone": Tone()}).kept == ["zh-CN/good"]


def test_a_bar_shows_the_progress(make_catalog: MakeCatalog) -> None:
    shown = io.StringIO()
    with Progress(console=Console(file=shown, force_terminal=True, width=80)) as progress:
        build(make_catalog(), progress, {"tone": Tone()})
        assert [(task.description, task.completed, task.total) for task in progress.tasks] == [("zh-CN", 14, 14)]
    assert "zh-CN" in shown.getvalue()


def test_the_bar_is_full_when_nothing_needs_rendering(built: Path) -> None:
    with Progress(console=Console(file=io.StringIO())) as progress:
        build(built, progress, {"tone": Tone()})
        assert [(task.completed, task.total) for task in progress.tasks] == [(0, 0)]
