from __future__ import annotations

import wave
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from ivr.actions import Prompt
from ivr.errors import FaultyFile
from ivr.prompts.build import build
from ivr.prompts.library import COMMA_MS, GROUP_MS, SENTENCE_MS, PromptLibrary
from ivr.prompts.spoken import Unspeakable
from ivr.prompts.tone import Tone


@pytest.fixture
def library(make_catalog: Callable[..., Path], now: datetime) -> PromptLibrary:
    folder = make_catalog(
        prompts={
            "greeting": {"zh-CN": "您好。"},
            "confirm": {"zh-CN": "您说的是{value:score}，对吗？"},
            "call": {"zh-CN": "请拨打{line:digits}。"},
            "back": {"zh-CN": "{at:when}。我们再打给您。"},
            "right": {"zh-CN": "您说的是：{said:recording}，是吗？"},
            "yours": {"zh-CN": "{value:phone}，对吗？"},
        }
    )
    build(folder, speakers={"tone": Tone()})
    return PromptLibrary.open(folder, lambda: now)


@pytest.fixture
def recorded(library: PromptLibrary) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        with wave.open(str(library.catalog.wav("zh-CN", name)), "rb") as file:
            return file.readframes(file.getnframes())

    return read


def silence(ms: int) -> bytes:
    return bytes(16 * ms)


def test_a_prompt_without_variables_is_its_recording(library: PromptLibrary, recorded: Callable[[str], bytes]) -> None:
    assert library.pcm(Prompt("greeting"), "zh-CN") == recorded("greeting")
    assert library.text(Prompt("greeting"), "zh-CN") == "您好。"


def test_a_value_stands_between_the_pieces_of_its_prompt(
    library: PromptLibrary, recorded: Callable[[str], bytes]
) -> None:
    prompt = Prompt("confirm", {"value": 8})
    pieces = [recorded("confirm-1"), recorded("spoken/score-8"), silence(COMMA_MS), recorded("confirm-2")]
    assert library.pcm(prompt, "zh-CN") == b"".join(pieces)
    assert library.text(prompt, "zh-CN") == "您说的是八分，对吗？"


def test_digits_pause_between_groups_and_a_closing_mark_adds_nothing(
    library: PromptLibrary, recorded: Callable[[str], bytes]
) -> None:
    one, two = recorded("spoken/digit-1"), recorded("spoken/digit-2")
    prompt = Prompt("call", {"line": "12-1"})
    assert library.pcm(prompt, "zh-CN") == recorded("call-1") + one + two + silence(GROUP_MS) + one
    assert library.text(prompt, "zh-CN") == "请拨打幺二，幺。"


def test_a_full_stop_pauses_longer(library: PromptLibrary, recorded: Callable[[str], bytes]) -> None:
    prompt = Prompt("back", {"at": "2026-01-01T15:00+08:00"})
    assert library.pcm(prompt, "zh-CN").endswith(silence(SENTENCE_MS) + recorded("back-1"))
    assert library.text(prompt, "zh-CN") == "明天下午三点。我们再打给您。"


def test_names_of_near_days_follow_the_clock(library: PromptLibrary) -> None:
    at = datetime.fromisoformat("2026-03-01T08:00+08:00")
    later = PromptLibrary(library.catalog, lambda: at)
    assert later.text(Prompt("back", {"at": "2026-03-02T15:00+08:00"}), "zh-CN") == "明天下午三点。我们再打给您。"


def test_splices_do_not_click(library: PromptLibrary) -> None:
    pcm = np.frombuffer(library.pcm(Prompt("call", {"line": "13812345678"}), "zh-CN"), "<i2").astype(int)
    alone = np.frombuffer(library.pcm(Prompt("greeting"), "zh-CN"), "<i2").astype(int)
    steps = np.abs(np.diff(pcm))
    quiet = np.flatnonzero(np.abs(pcm) < 8)
    assert steps.max() < 1.6 * np.abs(np.diff(alone)).max()
    assert steps[np.intersect1d(quiet, quiet - 1)].max() < 16


def test_a_prompt_is_assembled_once(library: PromptLibrary) -> None:
    first = library.pcm(Prompt("confirm", {"value": 8}), "zh-CN")
    assert library.pcm(Prompt("confirm", {"value": "8"}), "zh-CN") is first
    assert library.pcm(Prompt("confirm", {"value": 9}), "zh-CN") != first


@pytest.mark.parametrize(
    ("prompt", "language", "reason"),
    [
        (Prompt("bye"), "zh-CN", "there is no prompt 'bye'"),
        (Prompt("greeting"), "fr-FR", "the prompt 'greeting' has no text in fr-FR"),
        (Prompt("confirm"), "zh-CN", r"confirm: there is no value for \{value:score\}"),
        (Prompt("confirm", {"value": 11}), "zh-CN", "a value of type score must be a whole number from 0 to 10"),
    ],
)
def test_an_unspeakable_prompt_is_refused(library: PromptLibrary, prompt: Prompt, language: str, reason: str) -> None:
    with pytest.raises(Unspeakable, match=reason):
        library.pcm(prompt, language)
    with pytest.raises(Unspeakable, match=reason):
        library.text(prompt, language)


def test_a_library_with_missing_or_malformed_recordings_does_not_open(built: Path, now: datetime) -> None:
    (built / "audio/zh-CN/greeting.wav").unlink()
    (built / "audio/zh-CN/confirm-1.wav").write_bytes(b"no sound")
    with wave.open(str(built / "audio/zh-CN/confirm-2.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(320))
    with pytest.raises(FaultyFile) as refused:
        PromptLibrary.open(built, lambda: now)
    assert len(refused.value.faults) == 3
    assert all("run `prompts build`" in fault.reason for fault in refused.value.faults)


def test_the_callers_utterance_is_played_in_place_of_its_variable(
    library: PromptLibrary, recorded: Callable[[str], bytes]
) -> None:
    prompt = Prompt("right", {"said": "1200-3400"})
    pieces = [recorded("right-1"), b"abcd", silence(COMMA_MS), recorded("right-2")]
    assert library.pcm(prompt, "zh-CN", b"abcd") == b"".join(pieces)
    assert library.text(prompt, "zh-CN") == "您说的是：〔…〕，是吗？"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("+8613812345678", "幺三八，幺二三四，五六七八"),
        ("+861082345678", "零幺零，八二三四，五六七八"),
        ("+16502530000", "零零，幺，六五零，二五三，零零零零"),
        ("1001", "幺零零幺"),
        ("6789100", "六七八，九幺零零"),
        ("02466778", "零二四六，六七七八"),
        ("013812345678", "幺三八，幺二三四，五六七八"),
        ("+862466778899;ext=12", "零二四，六六七七，八八九九，转分机幺二"),
        ("6789100;ext=80012", "六七八，九幺零零，转分机八零零幺，二"),
    ],
)
def test_a_telephone_number_is_spoken_as_it_is_dialled(library: PromptLibrary, number: str, words: str) -> None:
    assert library.text(Prompt("yours", {"value": number}), "zh-CN") == f"{words}，对吗？"
