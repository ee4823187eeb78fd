from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recognizer.evaluation import english, mandarin, others
from recognizer.evaluation.measuring import Cost, Opened
from recognizer.evaluation.questions import CLOSED, ZH_CHOICE, ZH_SCORE
from recognizer.evaluation.trials import Trial, half_of
from recognizer.training.corpus import FOLDS, CorpusRecording, fold_of, held_out, recordings
from recognizer.vosk import SHIPPED

soundfile = pytest.importorskip("soundfile")


def held_out_recordings(speech: Path) -> list[CorpusRecording]:
    """The recordings held out by any fold."""
    return [one for one in recordings(speech) if any(held_out(one, fold) for fold in range(FOLDS))]


@pytest.fixture
def trials(speech: Path) -> list[Trial]:
    unheard = held_out_recordings(speech)
    answers = mandarin.answers(speech, unheard, SHIPPED["zh-CN"], ["八分", "是不", "马", "是", "不", "分"])
    return [*answers, *others.no_answers(speech, unheard, "zh-CN")]


def test_no_trial_has_a_speaker_in_every_models_training_set(trials: list[Trial]) -> None:
    assert "yuetan_f" not in {one.speaker for one in trials}


def test_a_trial_uses_the_model_trained_without_its_speaker(trials: list[Trial]) -> None:
    one = Opened("zh", "zh-CN", "whole", ("0", "1", "2"), Cost(0, 0, 0))  # type: ignore[arg-type]
    unspoken = {"noise", "tones and music"}
    spoken, sounds = ([t for t in trials if (t.how in unspoken) == sound] for sound in (False, True))
    assert all(one.model_for(trial) == str(fold_of(trial.speaker)) for trial in spoken)
    assert {one.model_for(trial) for trial in sounds} == {"whole"}
    assert {replace(one, folds=()).model_for(trial) for trial in spoken} == {"whole"}


def test_lengthened_syllables_form_no_word(speech: Path) -> None:
    for file in (speech / "syllables").iterdir():
        soundfile.write(file, np.full(6400, 900, np.int16), 8000)
    unheard = [one for one in held_out_recordings(speech) if one.pinyin]
    assert {one.how for one in mandarin.answers(speech, unheard, SHIPPED["zh-CN"], ["八分"])} == {"recorded"}


def test_answers_are_recorded_or_concatenated_or_cut_out(trials: list[Trial]) -> None:
    said = {(one.how, one.said) for one in trials if one.said}
    assert ("recorded", "八") in said
    assert ("put together", "八分") in said
    assert ("recorded", "不") in said
    assert {("cut out", text) for text in ("三", "八", "五", "幺三", "八五")} <= said
    assert not any("九" in text for how, text in said if how != "cut out")


def test_every_answer_is_among_the_phrases_of_its_question_and_rivals_sound_different(trials: list[Trial]) -> None:
    for one in trials:
        phrases = one.question.grammar.phrases
        assert len(phrases) == len(set(phrases))
        if one.said and one.question.kind == "closed":
            assert one.said in phrases


def test_homophones_of_answers_are_no_other_speech(trials: list[Trial]) -> None:
    asked = [one for one in trials if one.how == "other speech" and one.speaker == "hantts_m"]
    eight, all_ = ZH_SCORE.grammar.phrases, ZH_CHOICE.grammar.phrases
    assert sum(one.question.grammar.phrases == all_ for one in asked) == 5
    assert sum(one.question.grammar.phrases == eight for one in asked) == 3


def test_sounds_that_are_no_answer_are_tried_at_every_closed_question(trials: list[Trial]) -> None:
    for how in ("other speech", "noise", "tones and music"):
        assert {one.question.name for one in trials if one.how == how} == {one.name for one in CLOSED["zh-CN"]}
    assert all(one.synthetic == (one.how == "tones and music") for one in trials)


def test_a_speaker_is_in_one_half_only(trials: list[Trial]) -> None:
    assert half_of("hantts_m") == "test"
    assert {half_of(f"cv_{number}") for number in range(20)} == {"dev", "test"}
    assert all(one.half == half_of(one.speaker) for one in trials if one.how not in {"noise", "tones and music"})


def test_english_speakers_say_yes_no_and_digits(speech: Path) -> None:
    unheard = held_out_recordings(speech)
    made = [(one.question.name, one.said) for one in english.answers(speech, unheard) if one.speaker == "gsc_0a"]
    assert made == [("yes/no", "yes"), ("yes/no", "no"), ("score", "two")]


def test_english_words_are_no_answer_to_other_questions(speech: Path) -> None:
    unheard = held_out_recordings(speech)
    asked = [one for one in others.no_answers(speech, unheard, "en-US") if one.speaker == "gsc_0a"]
    assert {one.question.name: sum(o.question is one.question for o in asked) for one in asked} == {
        **{"yes/no": 2, "score": 3, "words": 4}
    }


def test_trials_are_reproducible(speech: Path, trials: list[Trial]) -> None:
    unheard = held_out_recordings(speech)
    again = mandarin.answers(speech, unheard, SHIPPED["zh-CN"], ["八分", "是不", "马", "是", "不", "分"])
    assert [(one.said, one.question.grammar) for one in again] == [
        (one.said, one.question.grammar) for one in trials if one.said
    ]
