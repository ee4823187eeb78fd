import pytest

from recognizer.wording import chinese, english


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("8 points", "eight points"),
        ("8.5", "eight point five"),
        ("0", "zero"),
        ("10", "ten"),
        ("17", "seventeen"),
        ("20", "twenty"),
        ("35", "thirty five"),
        ("100", "one hundred"),
        ("007", "zero zero seven"),
        ("13800", "one three eight zero zero"),
        ("8pm", "eight pm"),
        ("twenty-first", "twenty first"),
        ("Yes, it’s fine.", "yes it's fine"),
        ("fine", "fine"),
    ],
)
def test_english_is_normalised_to_its_spoken_form(written: str, said: str) -> None:
    assert english(written) == said


@pytest.mark.parametrize(("written", "said"), [("8.5分", "八点五分"), ("不，解决了", "不解决了"), ("满 意", "满意")])
def test_chinese_is_normalised_to_its_spoken_form(written: str, said: str) -> None:
    assert chinese(written) == said
