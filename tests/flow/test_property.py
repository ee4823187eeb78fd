"""The call continues or ends after any input, and no answer is lost."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.actions import BookCallback, OpenComplaint, SaveAnswer
from ivr.flow import engine
from ivr.flow.parse import parse
from ivr.flow.simulate import SimulatedCall
from ivr.lifecycle import Disposition

pytestmark = pytest.mark.slow

FILE = Path(__file__).parents[2] / "callflows.yaml"
FLOWS = parse(FILE.read_text(encoding="utf-8"), "callflows.yaml")
NOW = datetime(2026, 11, 19, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
ESSENTIAL = set(FLOWS.flows.flows["survey"].essential)

CHINESE = """
    方便 不方便 解决了 没解决 还是不热 满意 一般 不满意 收了 没有 有 八分 四分 十一分 八分半 满分 对 不对 是 不 嗯
    明天下午三点 昨天 凌晨三点 后天上午 再说一遍 等一下 转人工 拒绝 没有了 今天天气不错
"""
ENGLISH = """
    yes, no, fixed, not yet, good, bad, eight, nine and a half, twelve, tomorrow at three, say that again, hold on,
    operator, stop calling, nothing, whatever you like, no it's fixed
"""
WORDS = {"zh-CN": CHINESE.split(), "en-US": [phrase.strip() for phrase in ENGLISH.split(",")]}
CONFIDENCE = st.sampled_from(["", "@0.9", "@0.7", "@0.5", "@0.3"])
OTHERS = st.sampled_from(
    ["", "", "???", "~我说两句", "#1", "#2", "#3", "#0", "#*", "#10", "#7", "<taken>", "<untaken>"]
)


def inputs(language: str) -> st.SearchStrategy[list[str]]:
    spoken = st.tuples(st.sampled_from(WORDS[language]), CONFIDENCE).map("".join)
    pair = st.tuples(spoken, spoken).map("|".join)
    return st.lists(st.one_of(spoken, spoken, spoken, pair, OTHERS, st.text(max_size=8)), max_size=40)


@settings(max_examples=300)
@given(data=st.data(), language=st.sampled_from(list(WORDS)), speech=st.booleans(), unpaid=st.booleans())
def test_any_conversation_ends_or_continues(data: st.DataObject, language: str, speech: bool, unpaid: bool) -> None:
    talk = SimulatedCall(FLOWS, "survey", language, NOW, {"fee_unpaid": unpaid}, speech=speech)
    for typed in [*data.draw(inputs(language)), "<hangup>"]:
        before = talk.state
        try:
            talk.type(typed)
        except ValueError:
            assert talk.state is before
        assert set(before.answered) <= set(talk.state.answered)
        assert talk.over or talk.state.wait is not None
        assert talk.state.turn <= engine.MAX_TURNS + 2
        if talk.over:
            break
    assert_consistent(talk)


def assert_consistent(talk: SimulatedCall) -> None:
    kept = {fact.question: fact.value for fact in talk.facts if isinstance(fact, SaveAnswer)}
    cases = [fact for fact in talk.facts if isinstance(fact, OpenComplaint) and fact.kind == "bad_review"]
    booked = [fact for fact in talk.facts if isinstance(fact, BookCallback)]
    given = ESSENTIAL & kept.keys()
    assert set(talk.state.answered) == kept.keys()
    assert all(talk.state.variables[question] == value for question, value in kept.items())
    assert (talk.state.disposition == Disposition.COMPLETED) == (given == ESSENTIAL)
    assert (talk.state.disposition == Disposition.CALLBACK_BOOKED) <= bool(booked)
    if talk.state.disposition in (Disposition.PARTIAL, Disposition.BREAKOFF):
        assert (talk.state.disposition == Disposition.PARTIAL) == (len(given) >= 2)
    bad = kept.get("resolved") == "no" or kept.get("attitude") == "dissatisfied" or kept.get("charged") == "yes"
    assert len(cases) == (bad or kept.get("score", 10) <= 4)


@settings(max_examples=200)
@given(text=st.text(max_size=30), confidence=st.floats(0, 1), language=st.sampled_from(list(WORDS)))
def test_no_words_break_a_call(text: str, confidence: float, language: str) -> None:
    for lead in (["yes", "yes", "good", "no"], ["no"]):
        talk = SimulatedCall(FLOWS, "survey", language, NOW)
        for word in lead:
            talk.type({"yes": "是的", "good": "满意", "no": "不是"}[word] if language == "zh-CN" else word)
        try:
            talk.type(f"{text}@{confidence}")
        except ValueError:
            continue
        assert talk.over or talk.state.wait


INTAKE = """
    报修 投诉 查询进度 对 不对 是 不 转人工 拒绝 再说一遍 等一下 都没有 诈骗 违纪 银行卡 其他 沈阳 都不是 需要 不需要
    好 还要查 解决了 不满意 幺三八幺二三四五六七八 二零二六幺幺幺八零零零七
"""
DONE = """
    ~漏水 ~ ~我找律师 ??? #1 #2 #3 #0 #* #13812345678 <taken> <untaken> <found> <missing>
"""
DONE_AT_THE_HOTLINE = st.sampled_from(["", *DONE.split()])
SAID_AT_THE_HOTLINE = st.tuples(st.sampled_from(INTAKE.split()), CONFIDENCE).map("".join)


@settings(max_examples=300)
@given(
    flow=st.sampled_from(["hotline", "repair", "complaint", "call_back", "rating"]),
    typed=st.lists(st.one_of(SAID_AT_THE_HOTLINE, DONE_AT_THE_HOTLINE, DONE_AT_THE_HOTLINE), max_size=40),
    speech=st.booleans(),
    caller=st.sampled_from(["", "13812345678", "1001"]),
)
def test_a_hotline_caller_who_said_anything_leaves_a_case(
    flow: str, typed: list[str], speech: bool, caller: str
) -> None:
    talk = SimulatedCall(FLOWS, flow, "zh-CN", NOW, {"caller": caller}, speech=speech)
    for text in [*typed, "<hangup>"]:
        with suppress(ValueError):
            talk.type(text)
        assert talk.over or talk.state.wait is not None
        if talk.over:
            break
    kinds = [fact.kind for fact in talk.facts if isinstance(fact, OpenComplaint)]
    variables = talk.state.variables
    said = variables.get("problem_span") or variables.get("address_span")
    assert kinds.count("repair") == bool(variables.get("ordered") or said)
    complaints = sum(kinds.count(kind) for kind in ("complaint", "fraud", "discipline"))
    assert complaints == bool(variables.get("opened") or variables.get("what_span"))
