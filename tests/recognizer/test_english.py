import pytest

from recognizer.english import PHONES, VOWELS, pronunciations
from recognizer.lexicon import MAX_PRONUNCIATIONS, Pronunciation, Unpronounceable


def spoken(row: str) -> Pronunciation:
    return tuple(f"e_{phone}" for phone in row.split())


@pytest.mark.parametrize(
    ("phrase", "phones"),
    [
        ("two", "t uw"),
        ("eight points", "ey t p oy n t s"),
        ("I don't", "ay d ow n t"),
        ("o'clock", "ah k l aa k"),
        ("a", "ah"),
        ("zulu", "z uw l uw"),
        ("'bout", "b aw t"),
    ],
)
def test_a_phrase_is_pronounced_as_in_the_dictionary(phrase: str, phones: str) -> None:
    assert pronunciations(phrase)[0] == spoken(phones)


def test_the_usual_pronunciation_comes_first() -> None:
    assert pronunciations("to") == (spoken("t uw"), spoken("t ih"), spoken("t ah"))


def test_the_first_and_the_last_word_of_the_dictionary_are_found() -> None:
    assert pronunciations("'em") == (spoken("ah m"),)
    assert pronunciations("zywicki") == (spoken("z ih w ih k iy"),)


def test_words_with_several_pronunciations_combine_up_to_a_limit() -> None:
    assert len(pronunciations("to a")) == 6
    assert len(pronunciations("to a to a")) == MAX_PRONUNCIATIONS


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("8 points", '"8" is not an English word'),
        ("twenty-first", '"twenty-first" is not an English word'),
        ("满意", '"满意" is not an English word'),
        ("very blorgish", '"blorgish" is not in the dictionary'),
        ("zzzz", '"zzzz" is not in the dictionary'),
    ],
)
def test_a_phrase_without_a_pronunciation_is_named(phrase: str, reason: str) -> None:
    with pytest.raises(Unpronounceable, match=reason):
        pronunciations(phrase)


def test_the_phones_are_those_of_arpabet() -> None:
    assert len(PHONES) == 39
    assert len(VOWELS) == 15
    assert {"e_aa", "e_er", "e_uw"} <= VOWELS
    assert not {"e_y", "e_w", "e_hh"} & VOWELS
