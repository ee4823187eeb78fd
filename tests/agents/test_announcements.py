"""The whisper that agents hear, and the announcements to waiting callers."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from ivr.actions import Prompt
from ivr.agents.announcements import SENTENCE_PAUSE, Announcements
from ivr.prompts.announce import Announcer
from ivr.prompts.audio import PROMPT_RATE_HZ
from ivr.prompts.catalog import load
from ivr.prompts.library import PromptLibrary
from ivr.prompts.render import EspeakNg
from ivr.resource_files import ROOT

ZH = "zh-CN"
WORDS = b"\x01\x00" * 100


@pytest.fixture(scope="module")
def library() -> PromptLibrary:
    return PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC))


def pcm_of(library: PromptLibrary, *prompts: Prompt) -> list[bytes]:
    return [library.pcm(prompt, ZH) for prompt in prompts]


def test_the_whisper_names_the_line_the_callers_words_the_number_and_the_keys(library):
    number = Prompt("whisper.caller", {"caller": "13812345678"})
    spoken = pcm_of(library, Prompt("whisper.line.hotline"), number, Prompt("whisper.keys"))
    announcements = Announcements(library, lambda words, language: WORDS if (words, language) == ("气愤", ZH) else b"")
    assert announcements.whisper("hotline", "13812345678", "气愤", ZH) == SENTENCE_PAUSE.join(
        (spoken[0], WORDS, *spoken[1:])
    )
    own = b"own"
    assert announcements.whisper("hotline", "13812345678", "气愤", ZH, own) == SENTENCE_PAUSE.join(
        (spoken[0], WORDS, own, *spoken[1:])
    )


@pytest.mark.parametrize("caller", ["anonymous", ""])
def test_unspeakable_parts_are_omitted(library, caller):
    announcements = Announcements(library, lambda words, language: b"")
    (keys,) = pcm_of(library, Prompt("whisper.keys"))
    assert announcements.whisper("a_line_of_their_own", caller, "气愤", ZH) == keys


def test_a_waiting_caller_hears_the_queue_position(library):
    announcements = Announcements(library, lambda words, language: b"")
    assert announcements.position(0, ZH) == library.pcm(Prompt("queue.next"), ZH)
    assert announcements.position(12, ZH) == library.pcm(Prompt("queue.position", {"ahead": "12"}), ZH)
    assert announcements.position(1, "la") == b""


def test_free_text_is_spoken_only_where_an_engine_is_installed():
    announce = Announcer(load(ROOT / "prompts"))
    catalog = load(ROOT / "prompts")
    installed = any(voice.engine == "espeak-ng" and not EspeakNg().missing(voice) for voice in catalog.voices[ZH])
    pcm = np.frombuffer(announce("三次报修未解决，情绪不满", ZH), "<i2")
    assert (len(pcm) > PROMPT_RATE_HZ) == installed
    assert announce("", ZH) == announce("verba", "la") == b""
