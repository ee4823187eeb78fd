from recognizer.base import HeardWord
from recognizer.graph import as_phrase
from recognizer.results import alternatives, words


def word(text: str, start: float) -> dict[str, object]:
    return {"word": text, "start": start, "end": start + 0.25}


def test_alternatives_continue_the_best_one_of_the_previous_segment() -> None:
    before = {
        "alternatives": [
            {"text": "two", "confidence": 7.0, "result": [word("two", 0.5)]},
            {"text": "to", "confidence": 6.0, "result": [word("to", 0.5)]},
        ]
    }
    last = {
        "alternatives": [{"text": "i_think", "confidence": 3.0, "result": [word("i_think", 2.0)]}, {"confidence": 1}]
    }
    first, second = alternatives([before, last], as_phrase)
    assert [one.text for one in first.words] == ["two", "i think"]
    assert (first.score, second.score) == (10.0, 8.0)
    assert second.words == (HeardWord("two", 500, 750, 1.0),)


def test_silence_gives_one_empty_alternative_or_none() -> None:
    assert [one.words for one in alternatives([{"alternatives": [{"text": "", "confidence": 2.0}]}])] == [()]
    assert alternatives([{"text": ""}]) == []


def test_words_of_all_segments_have_their_confidence() -> None:
    results = [
        {"result": [{**word("two", 0.0), "conf": 0.5}]},
        {"text": ""},
        {"result": [{**word("four", 1.0), "conf": 1}]},
    ]
    assert words(results) == (HeardWord("two", 0, 250, 0.5), HeardWord("four", 1000, 1250, 1.0))
