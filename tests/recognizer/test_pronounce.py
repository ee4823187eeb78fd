import pytest

from recognizer.pronounce import language, pronunciations, sound, syllables


@pytest.mark.parametrize(("one", "other"), [("two", "too"), ("two", "to"), ("four", "for"), ("eight", "ate")])
def test_homophones_share_a_sound(one: str, other: str) -> None:
    assert sound("en-US", one) & sound("en-GB", other)


def test_words_that_sound_different_share_no_sound() -> None:
    assert not sound("en-US", "fifteen") & sound("en-US", "fifty")
    assert not sound("zh-CN", "十四") & sound("zh-CN", "四十")


@pytest.mark.parametrize(
    ("tag", "phrase", "count"),
    [
        ("zh-CN", "满意", 2),
        ("zh-CN", "一会儿", 3),
        ("zh-CN", "嗯", 1),
        ("en-US", "two", 1),
        ("en-US", "very satisfied", 5),
        ("en-US", "mm", 1),
        ("en-US", "i would say", 3),
        ("en-US", "blorgish thing", 2),
        ("fr-FR", "très bien", 2),
    ],
)
def test_syllables_are_counted(tag: str, phrase: str, count: int) -> None:
    assert syllables(tag, phrase) == count


def test_an_unpronounceable_word_sounds_like_its_spelling() -> None:
    assert pronunciations("zh-CN", "OK的") == (("OK的",),)
    assert pronunciations("fr-FR", "très bien") == (("très", "bien"),)
    assert not sound("fr-FR", "oui") & sound("fr-FR", "non")


def test_models_with_tones_get_the_tones_of_tonal_languages() -> None:
    assert language("zh-CN").toned("八") == (("i_b", "f_a1"),)
    assert language("zh-CN").plain("八") == (("i_b", "f_a"),)
    assert language("en-US").toned("two") == language("en-US").plain("two")
