from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from ivr.prompts.audio import Samples
from ivr.prompts.build import build
from ivr.prompts.tone import Tone

CHINA = timezone(timedelta(hours=8))

MakeCatalog = Callable[..., Path]


@pytest.fixture
def now() -> datetime:
    """Wednesday morning, the last day but one of the year."""
    return datetime(2025, 12, 31, 10, 0, tzinfo=CHINA)


@pytest.fixture
def make_catalog(tmp_path: Path) -> MakeCatalog:
    """Write a catalog whose voice is a tone. Keywords replace its top-level entries; None removes them."""

    def make(**changes: object) -> Path:
        content = {
            "version": 1,
            "languages": ["zh-CN"],
            "voices": {"zh-CN": [{"engine": "tone", "voice": "a"}]},
            "prompts": {
                "greeting": {"zh-CN": "您好。"},
                "confirm": {"zh-CN": "您说的是{value:score}，对吗？"},
            },
        } | changes
        (tmp_path / "catalog.yaml").parent.mkdir(exist_ok=True)
        with (tmp_path / "catalog.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump({key: value for key, value in content.items() if value is not None}, file)
        return tmp_path

    return make


@pytest.fixture
def built(make_catalog: MakeCatalog) -> Path:
    """A catalog with all its audio, rendered as tones."""
    folder = make_catalog()
    build(folder, speakers={"tone": Tone()})
    return folder


@pytest.fixture
def tone() -> Callable[..., Samples]:
    """A sine: `tone(level_db=-22, seconds=1, hz=440)`; its level is in dBov."""

    def make(level_db: float = -22, seconds: float = 1.0, hz: float = 440, rate_hz: int = 8000) -> Samples:
        time = np.arange(int(seconds * rate_hz)) / rate_hz
        return np.asarray(np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time), dtype=np.float32)

    return make
