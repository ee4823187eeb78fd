"""Recognition of prompts by test callers, also in impaired audio."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from ivr.prompts.library import PromptLibrary
from ivr.resource_files import ROOT
from tests.asterisk.caller import PromptDetector, sound_span
from tests.asterisk.g711 import Samples
from tests.asterisk.sound import RATE, babble


@pytest.fixture(scope="module")
def detector() -> PromptDetector:
    return PromptDetector(PromptLibrary.open(ROOT / "prompts", lambda: datetime.now(UTC)))


def hole(pcm: Samples, at: int, length: int) -> Samples:
    return np.concatenate([pcm[:at], np.zeros(length, np.int16), pcm[at + length :]])


def pause(pcm: Samples, at: int, length: int) -> Samples:
    return np.concatenate([pcm[:at], np.zeros(length, np.int16), pcm[at:]])


def loss(pcm: Samples, at: int, length: int) -> Samples:
    return np.concatenate([pcm[:at], pcm[at + length :]])


@pytest.mark.parametrize("spoil", [hole, pause, loss])
@pytest.mark.parametrize("milliseconds", [0, 20, 60])
def test_a_prompt_is_recognised_despite_gaps_delays_and_losses(detector, spoil, milliseconds):
    places = np.random.default_rng(milliseconds).uniform(0.1, 0.7, len(detector.prompts))
    tails: dict[bytes, set[str]] = {}
    for name, pcm in detector.prompts:
        tails.setdefault(pcm[: sound_span(pcm)[1]][-RATE // 2 :].tobytes(), set()).add(name)
    for (name, pcm), place in list(zip(detector.prompts, places, strict=True))[::5]:
        sound = pcm[: sound_span(pcm)[1]]
        heard = spoil(sound, len(sound) - round(place * RATE), milliseconds * RATE // 1000)
        known = detector.recognise(np.concatenate([np.zeros(RATE, np.int16), heard]))
        assert known in tails[sound[-RATE // 2 :].tobytes()], name


def test_other_sounds_and_silence_are_no_prompt(detector):
    assert detector.recognise(np.zeros(RATE, np.int16)) is None
    assert detector.recognise(babble(1.0)) is None


def test_the_middle_of_a_prompt_is_not_its_end(detector):
    for name, pcm in detector.prompts[::5]:
        if len(pcm) > 3 * RATE:
            assert detector.recognise(pcm[: -3 * RATE // 2]) != name
