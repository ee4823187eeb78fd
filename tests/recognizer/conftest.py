from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recognizer.vosk import SHIPPED, VoskRecognizer

CLIPS = Path(__file__).parent / "audio"
PHRASES = (
    *("满意", "很满意", "非常满意", "一般", "不满意", "很不满意"),
    *("是", "是的", "对", "不是", "不", "没有", "解决了", "嗯"),
    *(digit + unit for digit in "一二三四五六七八九十" for unit in ("", "分")),
    *("零", "幺", "转人工", "再说一遍", "等一下"),
)


@pytest.fixture(scope="session")
def clip() -> Callable[[str], bytes]:
    """A recorded clip by name, as 8 kHz PCM."""

    def read(name: str) -> bytes:
        with wave.open(str(CLIPS / f"{name}.wav")) as file:
            return bytes(file.readframes(file.getnframes()))

    return read


@pytest.fixture(scope="session")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoskRecognizer]:
    """The shipped Mandarin model with PHRASES learnt."""
    vosk = VoskRecognizer(tmp_path_factory.mktemp("graphs"), {"zh-CN": SHIPPED["zh-CN"]})
    vosk.learn("zh-CN", PHRASES)
    yield vosk
    vosk.close()
