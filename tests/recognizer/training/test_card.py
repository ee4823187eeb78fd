from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recognizer.training.card import Story, card
from recognizer.training.corpus import CorpusRecording


def recording(speaker: str, corpus: str = "words", licence: str = "CC0") -> CorpusRecording:
    return CorpusRecording(Path(corpus) / f"{speaker}.flac", "是", "", speaker, "zh", licence, "somewhere")


@pytest.mark.parametrize(("language", "named"), [("zh", "Mandarin"), ("en", "English")])
def test_the_card_names_all_sources_and_their_licences(language: str, named: str) -> None:
    story = Story(
        **{"name": "small", "language": language, "bands": 40, "frame_ms": 32, "phones": 210, "size_bytes": 5_600_000},
        **{
            "minutes": 30.0,
            "machine": "2 cores",
            "steps": 1800,
            "clips": 64,
            "synthetic": {"zh": 16000, "en": 9000},
        },
        trained_on=(recording("anna"), recording("berta"), recording("cleo", "other", "MIT")),
        callers=(),
        noises=(recording("-", "noise"),),
    )
    assert "not to be passed on" in card(replace(story, callers=(recording("caller_1"),)))
    text = card(story)
    assert "shipped under CC BY-SA" in text
    assert f"a small {named} telephone model" in text
    assert "in 30 minutes\n(2 cores) and 1800 steps of 64 clips" in text
    assert "- 2 of `words`, 2 speaker(s): somewhere (CC0)" in text
    assert "- 1 of `other`, 1 speaker(s): somewhere (MIT)" in text
    assert "- 1 of `noise`" in text
    assert "16000 Mandarin and 9000 English utterances" in text
    assert "FIGURES.md" in text
