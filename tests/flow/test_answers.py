"""The synonyms of an answer that the recogniser is given."""

from __future__ import annotations

from ivr.flow import answers
from ivr.flow.parse import FlowSet


def test_the_recogniser_is_given_synonyms(flow_set: FlowSet) -> None:
    survey = flow_set.flows.flows["survey"].nodes
    asked = answers.speech(survey["resolved"], flow_set.flows.universals, "zh-CN")
    (solved,) = (group for group in asked.same if "解决了" in group)
    assert "修好了" in solved
    assert "没解决" not in solved
    read_back = answers.confirmation_speech(survey["score"], flow_set.flows.universals, "zh-CN")
    assert any({"八", "八分"} <= set(group) for group in read_back.same)
    said = [phrase for group in read_back.same for phrase in group]
    assert len(said) == len(set(said))
    assert answers.speech(survey["book"], flow_set.flows.universals, "zh-CN").same == ()
