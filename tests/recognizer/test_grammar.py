import pytest

from recognizer.grammar import confusable, distinct_fillers, out_of_vocabulary, split, unpronounceable

ENGLISH = {"very", "satisfied", "yes", "no"}
CHINESE = {"不", "太", "满意", "不太", "收", "了"}


@pytest.mark.parametrize(
    ("phrase", "better"),
    [
        ("8分", "八分"),
        ("10", "十"),
        ("12分", "十二分"),
        ("20", "二十"),
        ("35", "三十五"),
        ("8.5分", "八点五分"),
        ("100", "一百"),
        ("010", "零一零"),
        ("13800", "一三八零零"),
        ("不，解决了", "不解决了"),
        ("满 意", "满意"),
    ],
)
def test_an_unpronounceable_phrase_gets_a_suggestion(phrase: str, better: str) -> None:
    assert unpronounceable("zh-CN", [phrase])[phrase].endswith(f'has no pinyin; say "{better}"')


def test_letters_have_a_reason_but_no_suggestion() -> None:
    assert unpronounceable("zh-CN", ["OK"]) == {"OK": '"O" has no pinyin'}


def test_pronounceable_phrases_have_no_fault() -> None:
    assert unpronounceable("zh-CN", ["满意", "还没有", "嗯"]) == {}
    assert unpronounceable("en-US", ["satisfied", "i don't", "mm hmm"]) == {}


@pytest.mark.parametrize(
    ("phrase", "fault"),
    [
        ("8 points", '"8" is not an English word; say "eight points"'),
        ("twenty-first", '"twenty-first" is not an English word; say "twenty first"'),
        ("21st", '"21st" is not an English word'),
        ("blorgish", '"blorgish" is not in the dictionary'),
        ("满意", '"满意" is not an English word'),
    ],
)
def test_an_unpronounceable_english_phrase_gets_a_reason_and_a_possible_suggestion(phrase: str, fault: str) -> None:
    assert unpronounceable("en-US", [phrase]) == {phrase: fault}


def test_a_language_without_pronunciations_has_no_pronounceable_phrase() -> None:
    assert unpronounceable("fr-FR", ["oui"]) == {"oui": "this language has no pronunciation rules"}


def test_a_phrase_is_split_into_the_fewest_words() -> None:
    assert split("zh-CN", "不太满意", CHINESE.__contains__) == ("不太", "满意")
    assert split("zh-CN", "收了", CHINESE.__contains__) == ("收", "了")
    assert split("en-US", "very satisfied", ENGLISH.__contains__) == ("very", "satisfied")


@pytest.mark.parametrize(
    ("language", "phrase"), [("zh-CN", "收费"), ("en-US", "very unhappy"), ("zh-CN", ""), ("en-US", "")]
)
def test_a_phrase_with_unknown_words_is_not_split(language: str, phrase: str) -> None:
    assert split(language, phrase, (CHINESE | ENGLISH).__contains__) is None


def test_missing_words_are_named_and_another_phrase_is_suggested() -> None:
    assert out_of_vocabulary("zh-CN", ["收费了", "收了"], CHINESE.__contains__) == {
        "收费了": 'the model has no word "费"'
    }
    assert out_of_vocabulary("en-US", ["very unhappy"], ENGLISH.__contains__) == {
        "very unhappy": 'the model has no word "unhappy"'
    }
    assert out_of_vocabulary("zh-CN", ["8"], CHINESE.__contains__)["8"].endswith('say "八"')


def test_homophones_are_found() -> None:
    assert confusable("zh-CN", ["是", "四", "事", "十", "是"]) == (("是", "事"), ("是", "十"), ("事", "十"))
    assert confusable("zh-CN", ["一会儿", "一会", "8"]) == (("一会儿", "一会"),)
    assert confusable("en-US", ["two", "too", "ten"]) == (("two", "too"),)
    assert confusable("en-US", ["two points", "to points"]) == (("two points", "to points"),)
    assert confusable("fr-FR", ["oui", "non"]) == ()


def test_fillers_that_sound_like_an_answer_are_excluded() -> None:
    digits = distinct_fillers("zh-CN", ("八", "九"))
    assert "吧" not in digits
    assert "就" not in digits
    assert "嗯" in digits
    assert "嗯" not in distinct_fillers("zh-CN", ("嗯", "是"))
    assert {"well", "i think"} <= set(distinct_fillers("en-US", ("yes",)))
    assert "oh" not in distinct_fillers("en-US", ("owe",))
    assert distinct_fillers("fr-FR", ("oui",)) == ()
