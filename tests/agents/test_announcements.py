"""What agents and waiting callers are told."""

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


def said(library: PromptLibrary, *prompts: Prompt) -> list[bytes]:
    return [library.pcm(prompt, ZH) for prompt in prompts]


def test_an_agent_hears_the_line_what_was_said_the_number_and_the_keys(library):
    number = Prompt("whisper.caller", {"caller": "13812345678"})
    spoken = said(library, Prompt("whisper.line.hotline"), number, Prompt("whisper.keys"))
    announcements = Announcements(library, lambda words, language: WORDS if (words, language) == ("气愤", ZH) else b"")
    assert announcements.whisper("hotline", "13812345678", "气愤", ZH) == SENTENCE_PAUSE.join(
        (spoken[0], WORDS, *spoken[1:])
    )
    own = b"own"
    assert announcements.whisper("hotline", "13812345678", "气愤", ZH, own) == SENTENCE_PAUSE.join(
        (spoken[0], WORDS, own, *spoken[1:])
    )


@pytest.mark.parametrize("caller", ["anonymous", ""])
def test_what_cannot_be_spoken_is_left_out(library, caller):
    announcements = Announcements(library, lambda words, language: b"")
    (keys,) = said(library, Prompt("whisper.keys"))
    assert announcements.whisper("a_line_of_their_own", caller, "气愤", ZH) == keys


def test_who_waits_hears_how_many_are_before_them(library):
    announcements = Announcements(library, lambda words, language: b"")
    assert announcements.position(0, ZH) == library.pcm(Prompt("queue.next"), ZH)
    assert announcements.position(12, ZH) == library.pcm(Prompt("queue.position", {"ahead": "12"}), ZH)
    assert announcements.position(1, "la") == b""


def test_free_words_are_spoken_where_an_engine_is_installed_and_nowhere_else():
    announce = Announcer(load(ROOT / "prompts"))
    catalog = load(ROOT / "prompts")
    installed = any(voice.engine == "espeak-ng" and not EspeakNg().missing(voice) for voice in catalog.voices[ZH])
    pcm = np.frombuffer(announce("三次报修未解决，情绪不满", ZH), "<i2")
    assert (len(pcm) > PROMPT_RATE_HZ) == installed
    assert announce("", ZH) == announce("verba", "la") == b""
