from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.prompts.audio import peak_dbov, prepare
from ivr.prompts.build import build
from ivr.prompts.check import check
from ivr.prompts.pinyin import pinyin
from ivr.prompts.render import EngineFailed, EspeakNg, Piper, Voice

needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
MANDARIN = Voice("espeak-ng", "cmn-latn-pinyin")


@pytest.mark.parametrize(
    ("text", "syllables"),
    [
        ("您好，我们是供暖报修平台。", "nin2 hao3, wo3 men5 shi4 gong1 nuan3 bao4 xiu1 ping2 tai2."),
        ("按1，不是按2。", "an4 yi1, bu2 shi4 an4 er4."),
        ("1到10分", "yi1 dao4 shi2 fen1"),
        ("请说“方便”或“不方便”！", "qing3 shuo1 fang1 bian4 huo4 bu4 fang1 bian4!"),
        ("幺", "yao1"),
        ("等一下", "deng3 yi2 xia4"),
        ("再说一遍", "zai4 shuo1 yi2 bian4"),
        ("不太热，一天", "bu2 tai4 re4, yi4 tian1"),
        ("收了或没收", "shou1 le5 huo4 mei2 shou1"),
        ("周一第一次", "zhou1 yi1 di4 yi1 ci4"),
        ("一月一号", "yi1 yue4 yi1 hao4"),
        ("嗯。", "en1."),
    ],
)
def test_chinese_becomes_pinyin_as_spoken(text: str, syllables: str) -> None:
    assert pinyin(text) == syllables


@needs_espeak
def test_espeak_ng_builds_a_catalog_that_passes_the_check(make_catalog: Callable[..., Path]) -> None:
    folder = make_catalog(
        languages=["zh-CN", "en-US"],
        voices={
            "zh-CN": [{"engine": "espeak-ng", "voice": "cmn-latn-pinyin"}],
            "en-US": [{"engine": "espeak-ng", "voice": "en-us"}],
        },
        prompts={"confirm": {"zh-CN": "您说的是{value:score}，对吗？", "en-US": "You said {value:score}. Right?"}},
    )
    assert len(build(folder).spoken) == 2 * (2 + 11)
    assert check(folder) == []


@needs_espeak
def test_espeak_ng_does_not_clip() -> None:
    sound = EspeakNg().speak("您好，我们是供暖报修平台，对您家报修的处理情况进行回访。", MANDARIN)
    assert peak_dbov(sound.samples) < -3


@needs_espeak
def test_espeak_ng_speaks_different_tones() -> None:
    high, falling = (prepare(EspeakNg().speak(word, MANDARIN)) for word in ("妈", "骂"))
    assert high.shape != falling.shape or (high != falling).any()


@needs_espeak
def test_a_voice_missing_from_espeak_ng_is_reported() -> None:
    with pytest.raises(EngineFailed, match="espeak-ng nowhere"):
        EspeakNg().speak("您好", Voice("espeak-ng", "nowhere"))


def test_without_espeak_ng_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert EspeakNg().missing(MANDARIN) == "espeak-ng is not installed; install it with: apt-get install espeak-ng"
    with pytest.raises(EngineFailed):
        EspeakNg().speak("您好", MANDARIN)


def test_an_engine_without_audio_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mute = tmp_path / "espeak-ng"
    mute.write_text("#!/bin/sh\ncat >/dev/null\n")
    mute.chmod(mute.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(EngineFailed, match="it is not a WAV file"):
        EspeakNg().speak("您好", MANDARIN)


def test_without_a_voice_piper_says_where_to_put_it(tmp_path: Path) -> None:
    assert Piper(tmp_path).missing(Voice("piper", "zh_CN-huayan-medium")) == (
        f"the Piper voice {tmp_path}/zh_CN-huayan-medium.onnx is missing; "
        "copy it and zh_CN-huayan-medium.onnx.json into that folder"
    )


@pytest.mark.skipif(importlib.util.find_spec("piper") is not None, reason="piper-tts is installed")
def test_without_the_package_piper_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "zh_CN-huayan-medium.onnx").touch()
    assert Piper(tmp_path).missing(Voice("piper", "zh_CN-huayan-medium")) == (
        f"Piper is not installed; install it with: {sys.executable} -m pip install piper-tts"
    )
