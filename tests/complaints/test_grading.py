"""The grade of a complaint: by the caller's words and by the answers to the questions of R9."""

from __future__ import annotations

import pytest

from ivr.complaints.rules.grading import QUESTIONS, grade
from ivr.complaints.rules.intake import Rules
from ivr.events import Value

SERIOUS = {
    "再不处理我就找媒体": "“媒体”: the media or the internet is involved (R9)",
    "我要给你们曝光": "“曝光”: the media or the internet is involved (R9)",
    "我要找律师": "“律师”: the caller threatens to end the contract or go to a higher authority (R9)",
    "必须赔偿我": "“赔偿”: money may be lost, or compensation is claimed (R9)",
    "我去银保监投诉": "“银保监”: the caller threatens to end the contract or go to a higher authority (R9)",
    "向你们上级反映": "“上级”: the caller threatens to end the contract or go to a higher authority (R9)",
}


@pytest.mark.parametrize("said", SERIOUS)
def test_a_cue_word_makes_a_complaint_serious_and_is_the_reason(rules: Rules, said: str) -> None:
    proposal = grade(rules.lines.cues, [said], {})
    assert (proposal.grade, proposal.reason) == ("serious", SERIOUS[said])


@pytest.mark.parametrize("said", ["网上银行登录不了", "排队太久", "柜员态度不好", ""])
def test_without_a_cue_word_a_complaint_is_general_without_a_reason(rules: Rules, said: str) -> None:
    proposal = grade(rules.lines.cues, [said], {})
    assert (proposal.grade, proposal.reason) == ("general", "")


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("answer", "serious"), [("yes", True), (True, True), ("unsure", True), ("no", False), (None, False)]
)
def test_one_yes_suffices_and_doubt_favours_the_caller(
    rules: Rules, question: str, answer: Value, serious: bool
) -> None:
    proposal = grade(rules.lines.cues, [], {question: answer})
    assert (proposal.grade == "serious") is serious
    assert proposal.reason == (f"{QUESTIONS[question]} (R9)" if serious else "")  # type: ignore[index]


def test_all_reasons_are_given(rules: Rules) -> None:
    reason = grade(rules.lines.cues, ["媒体 律师", "法院"], {"money": "yes"}).reason
    assert reason.split("; ") == [
        "“媒体”: the media or the internet is involved (R9)",
        "money may be lost, or compensation is claimed (R9)",
        "“律师、法院”: the caller threatens to end the contract or go to a higher authority (R9)",
    ]
