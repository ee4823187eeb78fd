from math import exp

import pytest
from pypinyin.phrases_dict import phrases_dict

from recognizer.lexicon import MAX_PRONUNCIATIONS, Pronunciation, Unpronounceable, phones, pronunciations, sound, toned
from recognizer.phones import START, Phones
from recognizer.vosk import SHIPPED


@pytest.fixture(scope="module")
def inventory() -> frozenset[str]:
    return frozenset(Phones.of(SHIPPED["zh-CN"]).names)


@pytest.mark.parametrize(
    ("syllable", "expected"),
    [
        ("shi", ("i_sh", "f_ir")),
        ("si", ("i_s", "f_iz")),
        ("xi", ("i_x", "f_i")),
        ("yu", ("f_v",)),
        ("ju", ("i_j", "f_v")),
        ("lü", ("i_l", "f_v")),
        ("lue", ("i_l", "f_ve")),
        ("you", ("f_iu",)),
        ("liu", ("i_l", "f_iu")),
        ("weng", ("f_ong",)),
        ("er", ("f_er",)),
        ("n", ("f_en",)),
    ],
)
def test_a_syllable_becomes_phones(syllable: str, expected: tuple[str, ...]) -> None:
    assert phones(syllable) == expected


@pytest.mark.parametrize("nonsense", ["", "sh", "yx", "wü", "8", "q7"])
def test_nonsense_is_no_syllable(nonsense: str) -> None:
    with pytest.raises(Unpronounceable):
        phones(nonsense)


def test_every_dictionary_phrase_has_phones_of_the_model(inventory: frozenset[str]) -> None:
    for phrase in list(phrases_dict)[::40]:
        for pronunciation in toned(phrase):
            assert inventory.issuperset(pronunciation), phrase


def test_the_phrase_decides_the_reading_of_a_word() -> None:
    assert sound("行") == sound("形")
    assert sound("银行") == sound("银航")
    assert sound("没收费") == sound("梅收费")
    assert sound("重说一遍") == sound("虫说一遍")


def test_a_word_may_have_several_readings() -> None:
    assert len(pronunciations("一会儿")) == 2
    assert len(pronunciations("那个")) == 2
    assert len(pronunciations("那那那那那")) == MAX_PRONUNCIATIONS


def test_tones_are_not_heard() -> None:
    assert sound("买") == sound("卖")


@pytest.mark.parametrize(("phrase", "culprit"), [("8分", '"8"'), ("OK的", '"O"'), ("满 意", '" "'), ("", "empty")])
def test_a_character_without_pinyin_is_named(phrase: str, culprit: str) -> None:
    with pytest.raises(Unpronounceable, match=culprit):
        pronunciations(phrase)


def test_the_bigram_of_the_shipped_model_is_a_distribution() -> None:
    phone_set = Phones.of(SHIPPED["zh-CN"])
    for before, following in phone_set.bigram.items():
        plain = {name.rstrip("12345"): exp(-cost) for name, cost in following.items()}
        assert 0.5 < sum(plain.values()) < 1.01, before
        assert set(following) <= set(phone_set.spoken())
    first = {name.rstrip("12345"): exp(-cost) for name, cost in phone_set.bigram[START].items()}
    assert sum(first.values()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("phrase", "spoken"),
    [
        ("可以", ("i_k", "f_e2", "f_i3")),
        ("不是", ("i_b", "f_u2", "i_sh", "f_ir4")),
        ("一分", ("f_i4", "i_f", "f_en1")),
        ("八", ("i_b", "f_a1")),
    ],
)
def test_tones_follow_tone_sandhi(phrase: str, spoken: Pronunciation) -> None:
    assert toned(phrase)[0] == spoken


def test_pronunciations_with_and_without_tones_agree() -> None:
    for phrase in list(phrases_dict)[::97]:
        plain = {tuple(name.rstrip("12345") for name in spoken) for spoken in toned(phrase)}
        assert plain <= set(pronunciations(phrase)), phrase
