from __future__ import annotations

import random
import re
import shutil

import numpy as np
import pytest

from recognizer.lexicon import toned
from recognizer.training import sounds, synthetic
from recognizer.training.inventory import INITIALS, PHONES, SPOKEN
from recognizer.training.synthetic import HELD_OUT_VARIANTS, english, mandarin
from recognizer.training.transcripts import of_english, of_pinyin, of_text

PHRASES = ("满意", "八分", "不是", "可以", "女士")
ENGLISH_PHRASES = ("yes", "no", "very satisfied", "eight")


def spoken(count: int) -> list[synthetic.SyntheticUtterance]:
    chance = random.Random(5)
    return [mandarin(PHRASES, chance) for _ in range(count)]


def spoken_english(count: int) -> list[synthetic.SyntheticUtterance]:
    chance = random.Random(5)
    return [english(ENGLISH_PHRASES, chance) for _ in range(count)]


def phones_of(one: synthetic.SyntheticUtterance) -> tuple[int, ...]:
    """The phones of the text that a Mandarin voice speaks."""
    return sum(of_pinyin([[syllable] for syllable in re.findall(r"[a-z]+[1-5]", one.text)]), ())


def test_every_answer_is_spoken_eventually() -> None:
    meant = {word for one in spoken(400) for word in one.meant}
    for phrase in PHRASES:
        assert set(of_text(phrase)) <= meant


def test_some_voices_have_an_accent_that_keeps_the_meaning() -> None:
    accented = [one for one in spoken(400) if phones_of(one) != sum(one.meant, ())]
    assert 10 < len(accented) < 140
    assert all(len(phones_of(one)) == len(sum(one.meant, ())) for one in accented)


def test_some_utterances_contain_hesitations() -> None:
    (hesitation,) = of_text("嗯")
    (answer,) = of_text("八分")
    assert any(one.meant[:2] == (hesitation, answer) for one in spoken(3000))


def test_the_same_seed_gives_the_same_utterances() -> None:
    assert spoken(20) == spoken(20)
    assert spoken_english(20) == spoken_english(20)


def test_english_answers_occur_alone_in_sequences_and_after_hesitations() -> None:
    said = spoken_english(1000)
    assert all(one.meant == of_english(one.text.replace(",", "")) for one in said)
    for phrase in ENGLISH_PHRASES:
        assert any(one.text == phrase for one in said)
    assert any(one.text.startswith("um ") for one in said)
    assert any(sum(one.text.count(phrase) for phrase in ENGLISH_PHRASES) >= 3 for one in said)


def test_voices_speak_at_different_speeds() -> None:
    assert len({one.speed for one in spoken(200)}) > 3
    assert len({one.manner.rate for one in spoken(200)}) > 50


def test_held_out_voices_are_not_trained_on() -> None:
    assert not {one.manner.variant for one in (*spoken(500), *spoken_english(500))} & HELD_OUT_VARIANTS


def test_the_pinyin_of_phones_gives_the_same_phones() -> None:
    for phrase in ("女士", "绿色", "元月", "云", "威武", "温翁", "学生", "有用", "四十", "二", "窗外", "我要"):
        syllables = [(syllable,) for syllable in synthetic.pinyin(phrase)]
        assert sum(of_pinyin(syllables), ()) == sum(of_text(phrase), ()), phrase
        assert {name for name in toned(phrase)[0] if name.startswith("i_")} <= {f"i_{name}" for name in INITIALS}


def test_finals_have_tones_and_initials_have_none() -> None:
    assert len(PHONES) == len(set(PHONES))
    assert all(name[-1].isdigit() == name.startswith("f_") for name in PHONES)
    assert set(SPOKEN["zh"]).isdisjoint(SPOKEN["en"])


def test_line_sounds_are_loud_and_different() -> None:
    chance = np.random.default_rng(0)
    made = [sounds.sound(chance) for _ in range(40)]
    assert all(1 <= len(one) / 8000 <= 4 and np.isfinite(one).all() and np.abs(one).max() > 1000 for one in made)
    assert len({one.tobytes() for one in made}) == 40


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed: apt-get install espeak-ng")
def test_every_espeak_voice_is_audible() -> None:
    from recognizer.training.espeak import ENGLISH, MANDARIN, VARIANTS, Espeak, Manner

    espeak = Espeak()
    voices = [*((MANDARIN, variant) for variant in VARIANTS), *((voice, "m1") for voice in ENGLISH)]
    for voice, variant in voices:
        text = "ba1 fen1" if voice == MANDARIN else "very satisfied"
        sound = espeak.say(text, Manner(voice, variant, rate=160, pitch=50, spread=50, gap=0))
        assert 0.2 < len(sound) / 8000 < 3, (voice, variant)
        assert np.abs(sound).max() > 300, (voice, variant)
