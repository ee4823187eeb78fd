"""The assessment of a complaint from a call's details, both valid and invalid."""

from __future__ import annotations

from datetime import datetime

import pytest

from ivr.calendar import ZONE
from ivr.complaints.rules.intake import CaseAssessment, Rules, assess, handled_by
from ivr.events import Value

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=ZONE)


def assessment(rules: Rules, kind: str = "complaint", called: str = "95500", **details: Value) -> CaseAssessment:
    return assess(rules, kind, details, called, NOW)


def test_a_call_with_all_details(rules: Rules) -> None:
    verdict = assessment(
        rules, line="hotline", business="card", branch="dalian", phone="13812345678", callback_wanted=True, cues=""
    )
    assert (verdict.route.line, verdict.grade.grade, verdict.why) == ("aid_dalian", "general", "to aid_dalian (R5)")
    assert verdict.contact_due == datetime(2026, 11, 24, 12, 0, tzinfo=ZONE)
    assert verdict.reply_due == datetime(2026, 11, 30, 10, 0, tzinfo=ZONE)


def test_cue_words_make_it_serious(rules: Rules) -> None:
    verdict = assessment(rules, line="hotline", branch="dalian", cues="律师 曝光")
    assert (verdict.route.line, verdict.route.article) == ("supervision", "R9")
    assert "律师" in verdict.grade.reason and "曝光" in verdict.grade.reason


def test_a_callback_number_is_not_searched_for_cue_words(rules: Rules) -> None:
    lines = rules.lines.model_copy(update={"cues": {"money": ("139",)}})
    called_back = {"callback_phone": "+8613912345678"}
    assert assess(Rules(lines, rules.calendar), "complaint", called_back, "", NOW).grade.grade == "general"


def test_cue_words_in_free_speech_count(rules: Rules) -> None:
    assert assessment(rules, what="我的钱没了").grade.grade == "serious"
    assert assessment(rules, branch="anshan", phone="13812345678").grade.grade == "general"


@pytest.mark.parametrize("about", ["aid_card", "assistance"])
def test_the_accused_line_may_be_named_by_id_or_tier(rules: Rules, about: str) -> None:
    assert assessment(rules, business="card", about=about).route.line == "supervision"


def test_the_called_number_determines_the_line_when_the_flow_does_not(rules: Rules) -> None:
    assert assessment(rules, called="02463001").complaint.called == "aid_shenyang"
    assert (
        assessment(rules, called="4001").complaint.called == assessment(rules, called="").complaint.called == "hotline"
    )


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"branch": "peking"}, "to supervision (R4); unknown branch “peking”"),
        ({"business": 7}, "to supervision (R4); unknown business “7”"),
        ({"line": "nowhere"}, "to supervision (R4); unknown line “nowhere”"),
        ({"about": "somebody"}, "to supervision (R4); unknown about “somebody”"),
        ({"branch": "", "business": None}, "to supervision (R4)"),
    ],
)
def test_unknown_details_are_noted_and_lose_no_complaint(rules: Rules, details: dict[str, Value], why: str) -> None:
    assert assessment(rules, **details).why == why


def test_an_unknown_kind_is_a_complaint(rules: Rules) -> None:
    verdict = assessment(rules, kind="praise")
    assert (verdict.complaint.kind, verdict.why) == ("complaint", "to supervision (R4); unknown kind “praise”")


@pytest.mark.parametrize(("kind", "details"), [("fraud", {}), ("complaint", {"what": "柜员收回扣"})])
def test_reports_and_words_of_misconduct_go_to_management_without_a_clock(
    rules: Rules, kind: str, details: dict[str, Value]
) -> None:
    verdict = assessment(rules, kind, branch="shenyang", **details)
    assert verdict.route.confidential and verdict.route.owner == "management" and verdict.complaint.kind == "fraud"
    assert verdict.contact_due is verdict.reply_due is None


@pytest.mark.parametrize(
    ("kind", "details", "handled"),
    [
        ("complaint", {"branch": "dalian"}, ("assistance", "aid_dalian")),
        ("complaint", {"branch": "dalian", "cues": "律师"}, ("supervision", "supervision")),
        ("complaint", {"cues": "受贿"}, ("management", "")),
        ("repair", {"cues": "受贿"}, ("hotline", "hotline")),
    ],
)
def test_the_handler_of_a_case(rules: Rules, kind: str, details: dict[str, Value], handled: tuple[str, str]) -> None:
    assert handled_by(rules, kind, details, NOW) == handled
