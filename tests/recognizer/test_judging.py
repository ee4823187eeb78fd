import pytest

from recognizer.base import Grammar, HeardWord
from recognizer.confidence import Alternative
from recognizer.judging import Judge, transcript

SCORE = Grammar("en-US", "closed", ("two", "four", "eight"))


def reading(score: float, *texts: str) -> Alternative:
    """Words of 300 ms each."""
    return Alternative(tuple(HeardWord(text, 300 * n, 300 * n + 300, 1.0) for n, text in enumerate(texts)), score)


def judged(*alternatives: Alternative, background: float = 10.0) -> dict[str, float]:
    return {one.text: one.confidence for one in Judge(SCORE).hypotheses(alternatives, background)}


def test_a_close_rival_lowers_the_confidence() -> None:
    alone, beside = judged(reading(10, "two")), judged(reading(10, "two"), reading(9.5, "eight"))
    assert alone["two"] > beside["two"] > beside["eight"]


@pytest.mark.parametrize("same", [("to",), ("too",)])
def test_a_homophone_is_no_rival(same: tuple[str, ...]) -> None:
    assert judged(reading(10, "two"), reading(9.9, *same)) == judged(reading(10, "two"))


def test_a_synonym_is_no_rival() -> None:
    two_ways = Grammar("en-US", "closed", ("yes", "yeah", "no"), (("yes", "yeah"),))
    alone = Judge(two_ways).hypotheses([reading(10, "yes")], 10.0)
    beside = Judge(two_ways).hypotheses([reading(10, "yes"), reading(9.9, "yeah")], 10.0)
    against = Judge(two_ways).hypotheses([reading(10, "yes"), reading(9.9, "no")], 10.0)
    assert alone[0] == beside[0]
    assert against[0].confidence < alone[0].confidence


def test_fillers_of_several_words_do_not_affect_the_answer() -> None:
    assert list(judged(reading(10, "i think", "two", "thank you"))) == ["two"]
    assert judged(reading(10, "i think")) == judged(reading(10, "two", "four")) == {}


def test_a_likelier_background_lowers_the_confidence() -> None:
    assert judged(reading(10, "two"), background=16.0)["two"] < judged(reading(10, "two"))["two"]


def test_a_word_too_long_for_its_syllables_is_dropped() -> None:
    assert Judge(SCORE).hypotheses([Alternative((HeardWord("two", 0, 1500, 1.0),), 10)], background=10) == ()


def test_a_transcript_has_the_confidence_of_its_weakest_word() -> None:
    words = (HeardWord("very", 0, 200, 0.9), HeardWord("good", 200, 500, 0.4))
    (speech,) = transcript(words, " ")
    assert (speech.text, speech.confidence, speech.words) == ("very good", 0.4, words)
    assert transcript((), " ") == ()
