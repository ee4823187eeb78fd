"""The flow engine, step by step: waits, limits, faults, and calls that end at any point."""

from __future__ import annotations

from datetime import datetime

import pytest

from ivr import actions
from ivr.events import (
    CallAnswered,
    CallEnded,
    DigitsPressed,
    Event,
    Heard,
    NothingHeard,
    PromptsFinished,
    SpeechHeard,
    SpeechRecorded,
    TransferCompleted,
)
from ivr.flow import engine, model
from ivr.flow.parse import FlowSet, parse
from ivr.flow.simulate import SimulatedCall
from ivr.flow.state import FlowState, FlowTurn, dump, load
from ivr.lifecycle import Disposition

SURVEY = ["方便", "解决了", "满意", "没有", "八分", "没有"]
WAYS = {
    "every question of the survey": SURVEY,
    "a score read back": [*SURVEY[:4], "八分@0.6", "对"],
    "a moment asked for": ["方便", "等一下", "解决了"],
    "a transfer": ["方便", "转人工"],
    "a transfer that failed": ["方便", "转人工", "<untaken>"],
    "a booking": ["不方便", "明天下午三点", "对"],
    "a refusal": ["方便", "拒绝"],
}
PLACES = [
    pytest.param(typed[:length], id=f"{way}, after {length}")
    for way, typed in WAYS.items()
    for length in range(len(typed))
]
AT_QUESTION = [pytest.param(SURVEY[:n], name, id=name) for n, name in enumerate(["convenient", "resolved", "attitude"])]
AT_QUESTION += [pytest.param(SURVEY[:3], "charged", id="charged"), pytest.param(SURVEY[:4], "score", id="score")]
AT_QUESTION += [pytest.param(SURVEY[:5], "comments", id="comments"), pytest.param(["不方便"], "book", id="book")]


def call_after(flow_set: FlowSet, now: datetime, typed: list[str]) -> SimulatedCall:
    talk = SimulatedCall(flow_set, "survey", "zh-CN", now)
    for text in typed:
        talk.type(text)
    return talk


def at_first_question(flow_set: FlowSet, now: datetime) -> FlowTurn:
    """A call at its first question."""
    turn = engine.step(flow_set.flows, begin(flow_set), CallAnswered(), now)
    assert turn.state.wait
    return engine.step(flow_set.flows, turn.state, PromptsFinished(turn.state.wait.id), now)


def begin(flow_set: FlowSet) -> FlowState:
    return engine.begin(flow_set.flows, flow_set.version, "survey", "zh-CN", speech=True)


def wait_id(state: FlowState) -> str:
    assert state.wait
    return state.wait.id


# --- waits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "late",
    [
        PromptsFinished("1"),
        SpeechHeard("1", (Heard("方便", 1.0),)),
        DigitsPressed("1", "1"),
        NothingHeard("1"),
        SpeechRecorded("1", 0, 500),
        TransferCompleted("99"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_for_another_wait_changes_nothing(flow_set: FlowSet, now: datetime, late: Event) -> None:
    turn = at_first_question(flow_set, now)
    assert engine.step(flow_set.flows, turn.state, late, now) == FlowTurn(turn.state, ())


def test_the_same_answer_twice_counts_once(flow_set: FlowSet, now: datetime) -> None:
    at_convenient = at_first_question(flow_set, now).state
    yes = SpeechHeard(wait_id(at_convenient), (Heard("方便", 1.0),))
    at_resolved = engine.step(flow_set.flows, at_convenient, yes, now).state
    assert at_resolved.place.node == "resolved"
    assert engine.step(flow_set.flows, at_resolved, yes, now) == FlowTurn(at_resolved, ())


def test_a_call_is_answered_once(flow_set: FlowSet, now: datetime) -> None:
    turn = at_first_question(flow_set, now)
    assert engine.step(flow_set.flows, turn.state, CallAnswered(), now) == FlowTurn(turn.state, ())


def test_nothing_happens_after_the_end(flow_set: FlowSet, now: datetime) -> None:
    ended = call_after(flow_set, now, ["<hangup>"]).state
    for event in (CallAnswered(), CallEnded("caller"), NothingHeard("1"), SpeechHeard("2", (Heard("方便", 1.0),))):
        assert engine.step(flow_set.flows, ended, event, now) == FlowTurn(ended, ())
    assert engine.fail(flow_set.flows, ended, now) == FlowTurn(ended, ())


def test_input_after_goodbye_is_ignored(flow_set: FlowSet, now: datetime) -> None:
    at_comments = call_after(flow_set, now, SURVEY[:5]).state
    skip = DigitsPressed(wait_id(at_comments), "2")
    leaving = engine.step(flow_set.flows, at_comments, skip, now).state
    assert leaving.wait is None and not leaving.ended
    assert engine.step(flow_set.flows, leaving, skip, now) == FlowTurn(leaving, ())
    gone = engine.step(flow_set.flows, leaving, CallEnded("caller"), now)
    assert gone.state.ended and gone.actions == ()


def test_an_event_that_does_not_answer_the_wait_is_a_fault(flow_set: FlowSet, now: datetime) -> None:
    state = engine.step(flow_set.flows, begin(flow_set), CallAnswered(), now).state
    with pytest.raises(engine.EngineFault, match="NothingHeard while waiting for notice"):
        engine.step(flow_set.flows, state, NothingHeard(wait_id(state)), now)


def test_recording_starts_after_the_whole_notice(flow_set: FlowSet, now: datetime) -> None:
    first = engine.step(flow_set.flows, begin(flow_set), CallAnswered(), now)
    assert actions.StartRecording() not in first.actions
    assert actions.StartRecording() in at_first_question(flow_set, now).actions


def test_a_turn_survives_serialisation(flow_set: FlowSet, now: datetime) -> None:
    at_score = call_after(flow_set, now, SURVEY[:4]).state
    turn = engine.step(flow_set.flows, at_score, SpeechHeard(wait_id(at_score), (Heard("八分", 0.6),)), now)
    assert turn.state.wait and turn.state.wait.candidate
    assert load(dump(turn)) == turn


# --- the end, at any point ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", PLACES)
def test_a_caller_who_hangs_up_loses_no_answer(flow_set: FlowSet, now: datetime, typed: list[str]) -> None:
    talk = call_after(flow_set, now, typed)
    saved = [fact for fact in talk.facts if isinstance(fact, actions.SaveAnswer)]
    talk.type("<hangup>")
    assert talk.over
    assert [fact for fact in talk.facts if isinstance(fact, actions.SaveAnswer)] == saved
    essential = {"resolved", "attitude", "charged", "score"} & set(talk.state.answered)
    assert talk.state.disposition == (
        Disposition.COMPLETED
        if len(essential) == 4
        else Disposition.PARTIAL
        if len(essential) >= 2
        else Disposition.BREAKOFF
    )


@pytest.mark.parametrize("typed", PLACES)
def test_an_internal_fault_ends_the_call_politely(flow_set: FlowSet, now: datetime, typed: list[str]) -> None:
    state = call_after(flow_set, now, typed).state
    turn = engine.fail(flow_set.flows, state, now)
    assert [prompt.name for prompt in turn.actions[0].prompts] == ["common.technical"]
    assert isinstance(turn.actions[-1], actions.Hangup)
    assert turn.state.disposition is not None and turn.state.wait is None
    assert turn.state.answered == state.answered


def test_the_answer_that_led_to_a_fault_is_kept(flow_set: FlowSet, now: datetime) -> None:
    at_resolved = call_after(flow_set, now, SURVEY[:1]).state
    no = SpeechHeard(wait_id(at_resolved), (Heard("没解决", 1.0),))
    turn = engine.fail(flow_set.flows, at_resolved, now, no)
    [answer] = [action for action in turn.actions if isinstance(action, actions.SaveAnswer)]
    [case] = [action for action in turn.actions if isinstance(action, actions.OpenComplaint)]
    assert (answer.question, answer.value, case.details["resolved"]) == ("resolved", "no", "no")
    assert "resolved" in turn.state.answered and isinstance(turn.actions[-1], actions.Hangup)


@pytest.mark.parametrize("ending", ["<hangup>", "拒绝", "<transfer>", "<silence>"])
def test_a_bad_review_becomes_a_case_however_the_call_ends(flow_set: FlowSet, now: datetime, ending: str) -> None:
    talk = call_after(flow_set, now, ["方便", "没解决"])
    typed = {"<transfer>": ["转人工", "<taken>"], "<silence>": ["", "", ""]}.get(ending, [ending])
    for text in typed:
        talk.type(text)
    assert talk.over
    [case] = [fact for fact in talk.facts if isinstance(fact, actions.OpenComplaint)]
    assert (case.kind, case.details["resolved"], case.details["attitude"]) == ("bad_review", "no", None)


@pytest.mark.parametrize(("typed", "question"), AT_QUESTION)
@pytest.mark.parametrize("miss", ["", "???"])
def test_a_question_is_given_up_after_its_misses(
    flow_set: FlowSet, now: datetime, typed: list[str], question: str, miss: str
) -> None:
    talk = call_after(flow_set, now, typed)
    assert talk.state.place.node == question
    node = flow_set.flows.flows["survey"].nodes[question]
    assert isinstance(node, model.AskNode | model.BookNode | model.RecordNode)
    for _ in range(node.max_misses - 1):
        talk.type(miss)
        assert talk.state.place.node == question
    talk.type(miss)
    assert talk.over
    assert question not in talk.state.answered


@pytest.mark.parametrize(("typed", "question"), AT_QUESTION)
@pytest.mark.parametrize(
    ("command", "said"),
    [("再说一遍", None), ("等一下", "common.wait"), ("转人工", "common.transfer"), ("拒绝", "survey.refused")],
)
def test_every_question_understands_the_commands(
    flow_set: FlowSet, now: datetime, typed: list[str], question: str, command: str, said: str | None
) -> None:
    talk = call_after(flow_set, now, typed)
    talk.type(command)
    assert question not in talk.state.answered
    assert [prompt.name for prompt in talk.prompts] == [said or flow_set.flows.flows["survey"].nodes[question].prompt]


# --- limits and faults ------------------------------------------------------------------------------------------


def test_an_endless_call_is_given_up(flow_set: FlowSet, now: datetime) -> None:
    talk = call_after(flow_set, now, ["方便"])
    while talk.state.turn < engine.MAX_TURNS:
        talk.type("再说一遍")
    assert not talk.over
    talk.type("再说一遍")
    assert talk.over
    assert [prompt.name for prompt in talk.prompts] == ["common.too_many"]
    assert talk.state.answered == ("convenient",)


SMALL = """
version: 1
languages: [zh-CN]
universals:
  repeat: {keys: "*", phrases: {zh-CN: [再说一遍]}}
  wait: {phrases: {zh-CN: [等一下]}}
  agent: {keys: "0", phrases: {zh-CN: [转人工]}}
  refuse: {phrases: {zh-CN: [拒绝]}}
common: {wait: c.wait, still_there: c.there, confirm_keys: c.keys, technical: c.technical, keys_only: c.only}
flows:
  main:
    title: {zh-CN: 试}
    start: age
    variables: {colour: red}
    essential: [age]
    nodes:
      age:
        type: ask
        prompt: p.age
        answer: {type: score, low: 1, high: 99, confirm: p.ok, out_of_range: p.range, not_whole: p.whole}
        next: after
"""


def small(rest: str) -> FlowSet:
    return parse(SMALL + rest, "small.yaml")


def play(flow_set: FlowSet, now: datetime, *typed: str) -> SimulatedCall:
    talk = SimulatedCall(flow_set, "main", "zh-CN", now)
    for text in typed:
        talk.type(text)
    return talk


def test_a_call_that_giving_up_does_not_end_is_hung_up(now: datetime) -> None:
    flow_set = small("      after: {type: hangup}\n    on_give_up: age\n")
    talk = play(flow_set, now)
    while talk.state.turn <= engine.MAX_TURNS:
        talk.type("再说一遍")
    assert not talk.over
    talk.type("再说一遍")
    assert talk.over


def test_a_loop_without_a_wait_ends_the_call_politely(now: datetime) -> None:
    flow_set = small(
        "      after: {type: set, values: {colour: blue}, next: again}\n"
        "      again: {type: say, prompt: p.a, next: after}\n"
    )
    talk = play(flow_set, now, "五十")
    assert [prompt.name for prompt in talk.prompts] == ["c.technical"]
    assert talk.over


def test_a_condition_that_cannot_be_evaluated_ends_the_call_politely(now: datetime) -> None:
    flow_set = small(
        "      after:\n        type: branch\n        cases: [{when: -colour == 3, next: bye}]\n        otherwise: bye\n"
        "      bye: {type: hangup}\n"
    )
    talk = play(flow_set, now, "五十")
    assert [prompt.name for prompt in talk.prompts] == ["c.technical"]
    assert talk.over


def test_a_fault_in_the_last_words_still_ends_and_judges_the_call(now: datetime) -> None:
    flow_set = small(
        "      after: {type: record, prompt: p.say, skip_on_key: '2', next: bye}\n      bye: {type: hangup}\n"
        "      last: {type: branch, cases: [{when: -colour == 3, next: return}], otherwise: return}\n    lastly: last\n"
    )
    talk = play(flow_set, now, "五十", "<hangup>")
    assert talk.over
    assert talk.state.disposition == Disposition.COMPLETED
    assert [prompt.name for prompt in talk.prompts] == ["c.technical"]


def test_the_variables_of_the_flow_are_known_from_the_start(now: datetime) -> None:
    flow_set = small(
        "      after: {type: branch, cases: [{when: colour == 'red', next: red}], otherwise: other}\n"
        "      red: {type: hangup, prompt: p.red}\n      other: {type: hangup, prompt: p.other}\n"
    )
    assert [prompt.name for prompt in play(flow_set, now, "五十").prompts] == ["p.red"]


SUB = """      after: {type: subflow, flow: more, next: bye}
      bye: {type: hangup, prompt: p.bye}
    on_give_up: bye
    on_refuse: bye
  more:
    title: {zh-CN: 更多}
    start: height
    nodes:
      height:
        type: ask
        prompt: p.height
        answer: {type: score, low: 1, high: 99, confirm: p.ok, out_of_range: p.range, not_whole: p.whole}
        next: return
"""


def test_a_subflow_returns_its_answers(now: datetime) -> None:
    talk = play(small(SUB), now, "五十", "六十")
    assert [prompt.name for prompt in talk.prompts] == ["p.bye"]
    assert talk.state.answered == ("age", "height")


@pytest.mark.parametrize("typed", [["拒绝"], ["", "", ""]], ids=["refusal", "silence"])
def test_a_subflow_uses_the_exits_of_the_flow_that_called_it(now: datetime, typed: list[str]) -> None:
    talk = play(small(SUB), now, "五十", *typed)
    assert talk.over
    assert [prompt.name for prompt in talk.prompts] == ["p.bye"]


def test_a_subflow_without_a_calling_flow_ends_the_call(now: datetime) -> None:
    talk = SimulatedCall(small(SUB), "more", "zh-CN", now)
    talk.type("六十")
    assert talk.over


# --- digits -----------------------------------------------------------------------------------------------------

PHONE = """      after:
        type: ask
        prompt: p.phone
        answer: {type: phone, confirm: p.right}
        next: bye
      bye: {type: hangup}
    on_agent: bye
"""


@pytest.mark.parametrize("typed", ["幺三八幺二三四五六七八", "#13812345678"])
def test_a_phone_number_is_read_back_however_it_was_given(now: datetime, typed: str) -> None:
    talk = play(small(PHONE), now, "五十", typed)
    assert talk.prompts[0].name == "p.right"
    assert talk.prompts[0].values["value"] == "+8613812345678"
    talk.type("对")
    assert talk.state.variables["after"] == "+8613812345678"


def test_a_phone_number_too_short_is_asked_again(now: datetime) -> None:
    assert [prompt.name for prompt in play(small(PHONE), now, "五十", "幺三八").prompts] == ["p.phone"]


def test_zero_is_a_digit_in_a_number_and_asks_for_an_agent_at_its_read_back(now: datetime) -> None:
    talk = play(small(PHONE), now, "五十", "#01082345678")
    assert talk.prompts[0].values["value"] == "+861082345678"
    talk.type("#0")
    assert talk.over and "after" not in talk.state.answered


# --- verdicts on a partial utterance -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "heard", "completeness"),
    [
        (SURVEY[:1], "解决了", "complete"),
        (SURVEY[:1], "不", "prefix"),
        (SURVEY[:1], "今天", "nothing"),
        (SURVEY[:4], "八", "complete"),
        (SURVEY[:4], "十", "prefix"),
        ([*SURVEY[:4], "八分@0.6"], "对", "complete"),
        ([*SURVEY[:4], "八分@0.6"], "不", "prefix"),
        ([*SURVEY[:4], "八分@0.6", "等一下"], "对", "complete"),
        ([*SURVEY[:1], "转人工"], "喂", "nothing"),
    ],
)
def test_verdict(flow_set: FlowSet, now: datetime, typed: list[str], heard: str, completeness: str) -> None:
    state = call_after(flow_set, now, typed).state
    assert engine.completeness(flow_set.flows, state, (Heard(heard, 0.95),), now) == completeness


def test_no_hypotheses_complete_nothing(flow_set: FlowSet, now: datetime) -> None:
    assert engine.completeness(flow_set.flows, call_after(flow_set, now, SURVEY[:1]).state, (), now) == "nothing"


# --- read-back of free speech ------------------------------------------------------------------------------------

ADDRESS = """      after:
        type: record
        prompt: p.address
        skip_on_key: "2"
        spot: {zh-CN: [媒体, 律师]}
        no_match: [p.again]
        read_back: {prompt: p.you_said, unplayed: p.noted}
        next: bye
      bye: {type: hangup, prompt: p.bye}
    on_agent: bye
    on_give_up: bye
"""


def saved(talk: SimulatedCall) -> list[tuple[object, bool, int]]:
    return [
        (fact.value, fact.confirmed, fact.attempts)
        for fact in talk.facts
        if isinstance(fact, actions.SaveAnswer) and fact.question == "after"
    ]


def test_free_speech_is_played_back_and_confirmed(now: datetime) -> None:
    talk = play(small(ADDRESS), now, "五十", "~三号楼")
    [prompt] = talk.prompts
    assert (prompt.name, prompt.values["said"], prompt.unplayed) == ("p.you_said", "8000-8800", "p.noted")
    assert talk.state.variables["unconfirmed"] == "after"
    talk.type("对")
    assert saved(talk) == [("三号楼", False, 1), ("三号楼", True, 1)]
    assert [fact.span_ms for fact in talk.facts if isinstance(fact, actions.SaveAnswer)][1:] == [(8000, 8800)] * 2
    assert talk.state.variables["unconfirmed"] is None and talk.state.variables["after_span"] == "8000-8800"


@pytest.mark.parametrize("no", ["不对", "#2"])
def test_free_speech_is_corrected_by_saying_it_again(now: datetime, no: str) -> None:
    talk = play(small(ADDRESS), now, "五十", "~三号楼", no)
    assert [prompt.name for prompt in talk.prompts] == ["p.again"]
    talk.type("~四号楼")
    talk.type("#1")
    assert saved(talk)[-1] == ("四号楼", True, 2)
    assert talk.over


def test_free_speech_that_is_never_confirmed_is_kept_unconfirmed(now: datetime) -> None:
    talk = play(small(ADDRESS), now, "五十", "~一", "不对", "~二", "不对", "~三", "不对")
    assert [prompt.name for prompt in talk.prompts] == ["p.bye"]
    assert saved(talk)[-1] == ("三", False, 3)
    assert talk.state.variables["unconfirmed"] == "after"


@pytest.mark.parametrize("miss", ["", "???"])
def test_an_unanswered_read_back_is_repeated_with_the_keys(now: datetime, miss: str) -> None:
    talk = play(small(ADDRESS), now, "五十", "~三号楼", miss)
    assert [prompt.name for prompt in talk.prompts] == ["p.you_said", "c.keys"]
    talk.type(miss)
    talk.type(miss)
    assert [prompt.name for prompt in talk.prompts] == ["p.bye"]
    assert saved(talk) == [("三号楼", False, 1)]


def test_hanging_up_during_the_read_back_keeps_the_free_speech(now: datetime) -> None:
    talk = play(small(ADDRESS), now, "五十", "~", "<hangup>")
    assert saved(talk) == [(None, False, 1)]
    assert talk.state.variables["after_span"] == "8000-8200"


def test_the_commands_are_understood_while_free_speech_is_read_back(now: datetime) -> None:
    talk = play(small(ADDRESS), now, "五十", "~三号楼", "再说一遍")
    assert [prompt.name for prompt in talk.prompts] == ["p.you_said"]
    talk.type("等一下")
    talk.type("对")
    assert saved(talk)[-1] == ("三号楼", True, 1)


def test_each_cue_is_collected_once(now: datetime) -> None:
    talk = play(small(ADDRESS), now, "五十", "~我找律师", "不对", "~我找媒体和律师")
    assert talk.state.variables["cues"] == "律师, 媒体"


def test_free_speech_is_not_accepted_at_its_read_back(now: datetime) -> None:
    with pytest.raises(ValueError, match="free speech is not accepted here"):
        play(small(ADDRESS), now, "五十", "~三号楼", "~四号楼")


# --- offer of a known number -------------------------------------------------------------------------------------

OFFER = PHONE.replace("confirm: p.right", "confirm: p.right, offer: {variable: caller, prompt: p.yours}")


def call_from(now: datetime, caller: str, *typed: str) -> SimulatedCall:
    talk = SimulatedCall(small(OFFER), "main", "zh-CN", now, {"caller": caller})
    for text in ("五十", *typed):
        talk.type(text)
    return talk


@pytest.mark.parametrize(("yes", "by"), [("对", "voice"), ("#1", "key")])
def test_the_known_number_needs_only_a_yes(now: datetime, yes: str, by: str) -> None:
    talk = call_from(now, "13812345678")
    assert [(prompt.name, prompt.values["value"]) for prompt in talk.prompts] == [("p.yours", "+8613812345678")]
    talk.type(yes)
    [answer] = [fact for fact in talk.facts if isinstance(fact, actions.SaveAnswer) and fact.question == "after"]
    assert (answer.value, answer.by, answer.confirmed, answer.attempts) == ("+8613812345678", by, True, 1)


@pytest.mark.parametrize("no", ["不是", "#2"])
@pytest.mark.parametrize("other", ["幺三九幺二三四五六七八", "#13912345678"])
def test_another_number_replaces_the_known_one(now: datetime, no: str, other: str) -> None:
    talk = call_from(now, "13812345678", no)
    assert [prompt.name for prompt in talk.prompts] == ["p.phone"]
    talk.type(other)
    assert talk.prompts[0].name == "p.right"
    talk.type("对")
    assert talk.state.variables["after"] == "+8613912345678"


@pytest.mark.parametrize("caller", ["", "1001", "anonymous", "6789100"])
def test_a_number_that_cannot_be_called_back_is_not_offered(now: datetime, caller: str) -> None:
    assert [prompt.name for prompt in call_from(now, caller).prompts] == ["p.phone"]


def test_an_unanswered_offer_is_repeated_with_the_keys(now: datetime) -> None:
    assert [prompt.name for prompt in call_from(now, "13812345678", "").prompts] == ["p.yours", "c.keys"]


# --- cases and transfers -----------------------------------------------------------------------------------------

LOOKUP = """      after: {type: say, prompt: p.wait, next: opened}
      opened: {type: complaint, kind: repair, reason: x, next: number}
      number: {type: lookup, by: call, found: told, missing: bye}
      told: {type: say, prompt: p.number, next: bye}
      bye: {type: hangup, prompt: p.bye}
    on_give_up: bye
    on_agent: person
"""
PERSON = "      person: {type: transfer, target: desk, prompt: p.transfer, failed: bye, after: told}\n"


def test_pending_prompts_are_played_before_a_case_is_looked_up(now: datetime) -> None:
    flow_set = small(LOOKUP.replace("    on_agent: person\n", ""))
    state = play(flow_set, now).state
    age = SpeechHeard(wait_id(state), (Heard("五十", 0.95),))
    turn = engine.step(flow_set.flows, state, age, now)
    opened, said, looked = turn.actions[1:]
    assert isinstance(said, actions.Say) and [prompt.name for prompt in said.prompts] == ["p.wait"]
    assert isinstance(opened, actions.OpenComplaint)
    assert looked == actions.LookUpCase(wait_id(turn.state), "call")


def test_the_number_of_a_new_case_is_read_out(now: datetime) -> None:
    talk = play(small(LOOKUP.replace("    on_agent: person\n", "")), now, "五十")
    number = next(prompt for prompt in talk.prompts if prompt.name == "p.number")
    assert number.values["case_number"] == "20261119-0001" and number.values["case_open"] is True
    assert talk.over


def test_a_missing_case_is_skipped(now: datetime) -> None:
    flow_set = small(LOOKUP.replace("    on_agent: person\n", "").replace("next: opened", "next: number"))
    assert "p.number" not in [prompt.name for prompt in play(flow_set, now, "五十").prompts]


@pytest.mark.parametrize(("typed", "said"), [("<taken>", "p.number"), ("<untaken>", "p.bye")])
def test_a_caller_who_stays_after_a_transfer_continues_the_flow(now: datetime, typed: str, said: str) -> None:
    talk = play(small(LOOKUP.replace("    on_give_up", PERSON + "    on_give_up")), now, "转人工", typed)
    assert talk.prompts[0].name == said


LAST = """      after: {type: subflow, flow: more, next: bye}
      bye: {type: hangup, prompt: p.bye}
      own: {type: complaint, kind: own, reason: x, next: return}
    on_give_up: bye
    lastly: own
  more:
    title: {zh-CN: 更多}
    start: height
    lastly: kept
    essential: [height]
    nodes:
      height: {type: record, prompt: p.height, skip_on_key: "2", next: return}
      kept: {type: complaint, kind: called, reason: x, next: return}
"""


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [(["<hangup>"], ["own"]), (["五十", "<hangup>"], ["called", "own"]), (["五十", "~好"], ["called", "own"])],
    ids=["before it", "in it", "after it"],
)
def test_the_last_words_of_a_called_flow_run_too(now: datetime, typed: list[str], kinds: list[str]) -> None:
    talk = play(small(LAST), now, *typed)
    assert [fact.kind for fact in talk.facts if isinstance(fact, actions.OpenComplaint)] == kinds


def test_a_flow_without_essential_questions_takes_the_disposition_of_the_flow_it_called(now: datetime) -> None:
    flow_set = small(LAST).flows
    flow_set = flow_set.model_copy(
        update={"flows": {**flow_set.flows, "main": flow_set.flows["main"].model_copy(update={"essential": ()})}}
    )
    talk = SimulatedCall(FlowSet("v", "", flow_set), "main", "zh-CN", now)
    for typed in ("五十", "~好"):
        talk.type(typed)
    assert talk.state.disposition == Disposition.COMPLETED


TRANSFER = PERSON.replace("failed: bye, after: told", "failed: bye, line: case_roster, whisper: %s")


def test_a_whisper_omits_unknown_values_and_says_answers_in_words(now: datetime) -> None:
    whisper = '[来电, "{case_number}", "号码{case_kind}", "{language}"]'
    flow_set = small(LOOKUP.replace("    on_give_up", TRANSFER % whisper + "    on_give_up"))
    [handed] = [action for action in play(flow_set, now, "转人工").actions if isinstance(action, actions.Transfer)]
    assert (handed.target, handed.line, handed.whisper) == ("desk", "", "来电，zh-CN")


def test_a_transfer_asks_the_line_that_its_variable_names(now: datetime) -> None:
    flow_set = small(LOOKUP.replace("    on_give_up", TRANSFER % "x" + "    on_give_up"))
    talk = SimulatedCall(flow_set, "main", "zh-CN", now, {"case_roster": "aid_dalian"})
    talk.type("转人工")
    [handed] = [action for action in talk.actions if isinstance(action, actions.Transfer)]
    assert (handed.target, handed.line, handed.whisper) == ("desk", "aid_dalian", "x")


def test_a_transfer_names_the_span_to_play(now: datetime) -> None:
    flow_set = small(LOOKUP.replace("    on_give_up", TRANSFER % "x, play: wish" + "    on_give_up"))
    talk = SimulatedCall(flow_set, "main", "zh-CN", now, {"wish_span": "100-900"})
    talk.type("转人工")
    [handed] = [action for action in talk.actions if isinstance(action, actions.Transfer)]
    assert handed.said == "100-900"
