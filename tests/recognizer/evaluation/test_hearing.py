from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ivr.turntaking.timing import Timing
from recognizer.decoding import AnswerDecoding
from recognizer.evaluation.conditions import CONDITIONS
from recognizer.evaluation.cutting import align
from recognizer.evaluation.hearing import SURE_VOICE, VOICE_MS, HeardTrial, hear
from recognizer.evaluation.questions import ZH_CHOICE, ZH_SCORE, EvaluationQuestion
from recognizer.evaluation.trials import Trial
from recognizer.model import SpeechModel, open_model
from recognizer.vosk import SHIPPED

Clip = Callable[[str], bytes]
Hear = Callable[..., HeardTrial]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SpeechModel:
    made = open_model("zh-CN", SHIPPED["zh-CN"], tmp_path_factory.mktemp("graphs"))
    made.learn((*ZH_SCORE.grammar.phrases, *ZH_CHOICE.grammar.phrases))
    return made


def trial(clip: Clip, name: str, said: str, question: EvaluationQuestion) -> Trial:
    how = "recorded" if said else "other speech"
    return Trial(question, said, how, "anna", "test", np.frombuffer(clip(name), "<i2"))


def test_an_answer_is_right_if_its_meaning_is(model: SpeechModel, clip: Clip) -> None:
    heard = hear(model, trial(clip, "bafen", "八", ZH_SCORE), "µ-law", ())
    assert (heard.right, heard.band) == (True, "accept")
    assert not hear(model, trial(clip, "bafen", "九", ZH_SCORE), "µ-law", ()).right


def test_a_sound_that_is_no_answer_is_asked_again_and_never_right(model: SpeechModel, clip: Clip) -> None:
    heard = hear(model, trial(clip, "kuaidi_fang_menkou", "", ZH_SCORE), "µ-law", ())
    assert (heard.right, heard.answer, heard.band) == (False, False, "again")


def test_an_answer_decoded_from_hardly_any_voice_is_ignored(model: SpeechModel, clip: Clip) -> None:
    whole = trial(clip, "bafen", "八", ZH_SCORE)
    shred = replace(whole, sound=whole.sound[400:2800])
    listening = AnswerDecoding(model, ZH_SCORE.grammar)
    listening.feed(CONDITIONS["−30 dB"](shred.sound, np.random.default_rng(0), ()))
    assert listening.read()
    assert hear(model, shred, "−30 dB", ()).readings == ()
    assert hear(model, whole, "−30 dB", ()).readings


def test_voice_is_told_from_noise_as_in_turn_taking() -> None:
    timing = Timing()
    assert (round(100 * SURE_VOICE), VOICE_MS) == (timing.sure_percent, timing.answer_voice_ms)


def test_evidence_is_kept_and_can_be_judged_again(model: SpeechModel, clip: Clip) -> None:
    heard = hear(model, trial(clip, "manyi", "满意", ZH_CHOICE), "µ-law", ())
    assert heard.readings[0].evidence.text == "满意"
    assert heard.judged() == heard


def test_two_meanings_near_each_other_are_confirmed(hearing: Hear) -> None:
    assert hearing("八", 0.95, "二", 0.9).band == "confirm"
    assert hearing("八", 0.95, "二", 0.5).band == "accept"


def test_syllables_of_a_sentence_are_found_in_order(clip: Clip) -> None:
    found = align(SHIPPED["zh-CN"], "幺三八五", clip("yao_san_ba_wu"))
    assert len(found) == 4
    assert all(start < end for start, end in found)
    assert all(one[1] <= other[0] + 60 for one, other in itertools.pairwise(found))
