"""Variables of a call: which values a flow takes, and which it starts with."""

from __future__ import annotations

from datetime import datetime

import pytest

from ivr.events import Value
from ivr.flow import engine
from ivr.flow.parse import FlowSet, parse
from ivr.flow.simulate import SimulatedCall
from ivr.flow.variables import read_values

FLOWS = """
version: 1
languages: [zh-CN]
variables: VARIABLES
universals:
  repeat: {keys: "*", phrases: {zh-CN: [再说一遍]}}
  wait: {phrases: {zh-CN: [等一下]}}
  agent: {keys: "0", phrases: {zh-CN: [转人工]}}
  refuse: {phrases: {zh-CN: [拒绝]}}
common: {wait: c.wait, still_there: c.there, confirm_keys: c.keys, technical: c.technical, keys_only: c.only}
flows:
  main:
    title: {zh-CN: 试}
    start: first
    variables: {hotline: {type: phone, default: "110"}, paid: {type: flag}}
    nodes:
      first: {type: set, values: {hotline: 024-66778899, other: 024-66778899}, next: more}
      more: {type: subflow, flow: sub, next: bye}
      bye: {type: hangup}
  sub:
    title: {zh-CN: 子}
    start: ask
    variables: {tries: {type: number, default: 3}, paid: {type: flag, default: true}}
    nodes:
      ask: {type: record, prompt: p.say, skip_on_key: "2", next: return}
"""
TYPED = '{hotline: {type: phone, default: "(024) 66778899"}, line: {type: text, default: " a "}, day: {type: text}}'
BARE = '{hotline: "(024) 66778899", line: " a ", day: null, fee: no, count: 02, other: ""}'


def flow_set(variables: str) -> FlowSet:
    return parse(FLOWS.replace("VARIABLES", variables), "small.yaml")


def test_a_call_starts_with_the_defaults_in_canonical_form() -> None:
    flows = flow_set(TYPED)
    state = engine.begin(flows.flows, flows.version, "main", "zh-CN", speech=True)
    assert state.variables == {"hotline": "110", "line": "a", "day": None, "paid": None}


def test_a_file_from_before_variables_had_types_starts_with_its_defaults_as_written() -> None:
    flows = flow_set(BARE)
    state = engine.begin(flows.flows, flows.version, "sub", "zh-CN", speech=True)
    assert state.variables == {
        **{"hotline": "(024) 66778899", "line": " a ", "day": None, "fee": "no", "count": 2, "other": ""},
        **{"tries": 3, "paid": True},
    }


def test_a_set_value_is_kept_in_canonical_form_if_its_variable_has_a_type(now: datetime) -> None:
    talk = SimulatedCall(flow_set(TYPED), "main", "zh-CN", now, {"paid": False})
    assert talk.state.variables["hotline"] == "+862466778899"
    assert talk.state.variables["other"] == "024-66778899"


def test_a_subflow_sets_the_defaults_of_variables_that_the_call_does_not_have(now: datetime) -> None:
    talk = SimulatedCall(flow_set(TYPED), "main", "zh-CN", now, {"paid": False})
    assert (talk.state.variables["paid"], talk.state.variables["tries"]) == (False, 3)


@pytest.mark.parametrize(
    ("flow", "given", "accepted"),
    [
        ("survey", {}, {}),
        ("survey", {"fee_unpaid": "true", "hotline": "024-66778899"}, {"fee_unpaid": True, "hotline": "+862466778899"}),
        ("survey", {"caller": None, "festival": "new_year"}, {"caller": None, "festival": "new_year"}),
        ("repair", {"ordered": True, "confirmed": "yes"}, {"ordered": True, "confirmed": "yes"}),
        ("hotline", {"ordered": True}, {"ordered": True}),
        ("complaint", {"business": "wealth", "branch": "dalian"}, {"business": "wealth", "branch": "dalian"}),
        ("complaint", {"phone": "13812345678", "what": "太慢 "}, {"phone": "+8613812345678", "what": "太慢"}),
        ("survey", {"resolved": "no", "score": "4"}, {"resolved": "no", "score": 4}),
        ("hotline", {"case_digits": "202611180007"}, {"case_digits": "202611180007"}),
    ],
)
def test_a_call_may_bring_values_of_variables_and_answers(
    flow_set: FlowSet, flow: str, given: dict[str, Value], accepted: dict[str, Value]
) -> None:
    read = read_values(flow_set.flows, flow, given)
    assert (read.accepted, read.refused) == (accepted, {})


NO_SUCH = "the flow takes no value of this name"
OF_SURVEY = (
    "hotline, fee_unpaid, caller, festival, waited_rings, line, greeted, "
    "convenient, resolved, attitude, charged, score, comments"
)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"fee_unpayed": True}, {"fee_unpayed": f"{NO_SUCH}; did you mean “fee_unpaid”?"}),
        ({"Hotline": "110"}, {"Hotline": f"{NO_SUCH}; did you mean “hotline”?"}),
        ({"xyz": 1}, {"xyz": f"{NO_SUCH}; it takes {OF_SURVEY}"}),
        ({"ordered": True}, {"ordered": f"{NO_SUCH}; it takes {OF_SURVEY}"}),
        ({"book": "2026-11-20"}, {"book": f"{NO_SUCH}; it takes {OF_SURVEY}"}),
        (
            {"fee_unpaid": "no", "waited_rings": [1], "hotline": 2466778, "line": "aid"},
            {
                "fee_unpaid": "must be true or false; yes, no, on, off, 1 and 0 are not accepted",
                "waited_rings": "must be a whole number from 0 to 9999",
                "hotline": "must be text: put it in quotes, because a number loses its leading zeros and its plus",
            },
        ),
        ({"fee_unpaid": None}, {"fee_unpaid": "must not be null; the variable has a default"}),
        ({"attitude": "happy"}, {"attitude": "must be one of satisfied, neutral, dissatisfied"}),
        ({"score": 11}, {"score": "must be a whole number from 1 to 10"}),
        ({"resolved": True}, {"resolved": "must be text, in quotes"}),
    ],
)
def test_a_call_may_not_bring_anything_else(
    flow_set: FlowSet, given: dict[str, object], refused: dict[str, str]
) -> None:
    read = read_values(flow_set.flows, "survey", given)
    assert read.refused == refused
    assert read.accepted.keys() == given.keys() - refused.keys()
