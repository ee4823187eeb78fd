"""Every fault that a flows file can have: exactly that file, path and reason; and a file without one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import Fault, FaultyFile
from ivr.flow.check import check
from ivr.flow.parse import parse_draft
from ivr.flow_store import THRESHOLDS

FILE = "small.yaml"
GOOD = """
version: 1
languages: [zh-CN, en-US]
variables: {hotline: {type: phone, default: "6789100"}, fee: {type: number, default: 0}}
universals:
  repeat: {keys: "*", phrases: {zh-CN: [再说一遍], en-US: [say again]}}
  wait: {phrases: {zh-CN: [等一下], en-US: [hold on]}}
  agent: {keys: "0", phrases: {zh-CN: [转人工], en-US: [operator]}}
  refuse: {phrases: {zh-CN: [拒绝], en-US: [stop calling]}}
common: {wait: c.wait, still_there: c.there, confirm_keys: c.keys, technical: c.technical, keys_only: c.only}
flows:
  main:
    title: {zh-CN: 试, en-US: Trial}
    start: warm
    on_agent: bye
    on_refuse: bye
    on_give_up: bye
    essential: [warm]
    nodes:
      warm:
        type: ask
        prompt: q.warm
        answer:
          type: yes_no
          yes: {keys: "1", confirm: q.yes, phrases: {zh-CN: [热了], en-US: [it works]}}
          no: {keys: "2", confirm: q.no, phrases: {zh-CN: [不热], en-US: [still cold]}}
        keys_prompt: q.keys
        next: worker
      worker:
        type: ask
        prompt: q.worker
        answer:
          type: choice
          values:
            good: {keys: "1", confirm: q.good, phrases: {zh-CN: [很好], en-US: [good]}}
            bad: {keys: "2", confirm: q.bad, phrases: {zh-CN: [很差], en-US: [bad]}}
        keys_prompt: q.keys
        next: {good: score, bad: choose}
      score:
        type: ask
        prompt: q.score
        answer: {type: score, low: 1, high: 5, confirm: q.value, out_of_range: q.range, not_whole: q.whole}
        keys_prompt: q.keys
        timing: {closed_quiet_ms: 200}
        next: choose
      choose:
        type: branch
        cases:
          - {when: score <= 2 and warm == 'no', next: when}
        otherwise: bye
      when:
        type: book
        prompt: q.when
        confirm: q.then
        out_of_range: q.past
        outside_hours: q.hours
        choices:
          "1": {zh-CN: 明天上午, en-US: tomorrow morning}
        keys_prompt: q.keys
        next: say
      say:
        type: record
        prompt: q.say
        skip_on_key: "2"
        cues: {zh-CN: [没有了], en-US: [nothing]}
        keys_prompt: q.keys
        next: bye
      bye: {type: hangup, prompt: q.bye}
"""
SUB = """
  sub:
    title: {zh-CN: 子, en-US: Sub}
    start: hello
    nodes:
      hello: {type: say, prompt: q.bye, next: return}
"""


@dataclass
class Prompts:
    """A catalogue in which everything can be said but what is named here."""

    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    spoken: dict[str, dict[str, str]] = field(default_factory=dict)

    def absent(self, name: str, language: str) -> str | None:
        return f"no “{name}” in {language}" if language in self.missing.get(name, ()) else None

    def variables(self, name: str) -> dict[str, str]:
        values = {"q.value": {"value": "score"}, "q.then": {"when": "when"}, "q.bye": {"hotline": "phone"}}
        return self.spoken.get(name, values.get(name, {}))


@dataclass
class Hearing:
    """A recogniser that hears everything but what is named here."""

    languages: frozenset[str] = frozenset({"zh-CN", "en-US"})
    deaf_to: dict[str, str] = field(default_factory=dict)
    alike: tuple[tuple[str, str], ...] = ()

    def unheard(self, language: str, phrases: Sequence[str]) -> dict[str, str]:
        return {phrase: self.deaf_to[phrase] for phrase in phrases if phrase in self.deaf_to}

    def confusable(self, language: str, phrases: Sequence[str]) -> Sequence[tuple[str, str]]:
        return [pair for pair in self.alike if set(pair) <= set(phrases)]


def located(source: str, prompts: Prompts | None = None, hearing: Hearing | None = None) -> list[Fault]:
    try:
        draft = parse_draft(source, FILE)
    except FaultyFile as faulty:
        return list(faulty.faults)
    flows = draft.flow_set.flows
    return draft.all_faults(check(flows, FILE, prompts or Prompts(), hearing or Hearing(), THRESHOLDS, draft.unread))


def faults(source: str, prompts: Prompts | None = None, hearing: Hearing | None = None) -> list[str]:
    """Every fault without its line, by path."""
    return sorted(str(replace(fault, line=0)) for fault in located(source, prompts, hearing))


def changed(*changes: tuple[str, str]) -> str:
    source = GOOD
    for old, new in changes:
        assert source.count(old) >= 1, old
        source = source.replace(old, new, 1)
    return source


def test_a_good_file_has_no_faults() -> None:
    assert faults(GOOD) == []
    assert faults(GOOD + SUB.replace("sub:", "other:").replace("return", "end") + "      end: {type: hangup}\n") == []


TO_SUB = (
    ("next: worker", "next: more"),
    ("      bye: {type", "      more: {type: subflow, flow: sub, next: worker}\n      bye: {type"),
)

TO_SET = (
    ("next: worker", "next: more"),
    ("      bye: {type", "      more: {type: set, values: {SET}, next: worker}\n      bye: {type"),
)

STUCK = "      stuck: {type: record, prompt: q.say, skip_on_key: '2', keys_prompt: q.keys, next: stuck}\n"

FAULTS = {
    "no YAML": (changed(("version: 1", "version: [1")), "expected ',' or ']', but got ':'"),
    "duplicate key": (
        changed(("start: warm", "start: warm\n    start: warm")),
        "main.start: duplicate key; the first is on line 14",
    ),
    "a control character": (
        changed(("试", "\x01")),
        "not YAML: unacceptable character #x0001: special characters are not allowed",
    ),
    "an empty file": ("", "input should be a valid dictionary or instance of Callflows"),
    "wrong type": (changed(('keys: "*"', "keys: 5")), "universals.repeat.keys: input should be a valid string"),
    "unknown field": (changed(("start: warm", "start: warm\n    colour: red")), "main.colour: unknown field"),
    "missing field": (changed(("    start: warm\n", "")), "main: “start” is missing"),
    "unknown type of node": (
        changed(("bye: {type: hangup", "bye: {type: goodbye")),
        "main.bye: unknown type “goodbye”; types are 'ask', 'book', 'record', 'say', 'notice', 'branch', 'set', "
        "'complaint', 'lookup', 'transfer', 'subflow', 'hangup'",
    ),
    "scale upside down": (
        changed(("low: 1", "low: 7")),
        "main.score.answer: low must be below high, but low is 7 and high is 5",
    ),
    "thresholds upside down": (
        changed(("prompt: q.warm", "prompt: q.warm\n        confirm_below: 0.3")),
        "main.warm: reject_below must not be above confirm_below",
    ),
    "unknown language": (
        changed(("languages: [zh-CN, en-US]", "languages: [zh-CN, en-US, fr-FR]")),
        "languages: fr-FR is not supported; supported languages: zh-CN, en-US",
    ),
    "unknown node": (
        changed(
            ("next: worker", "next: wroker"),
        ),
        "main.warm.next: unknown node “wroker”",
    ),
    "unknown start": (changed(("on_agent: bye", "on_agent: gone")), "main.on_agent: unknown node “gone”"),
    "unreachable node": (
        changed(("      bye: {type", "      lost: {type: say, prompt: q.say, next: bye}\n      bye: {type")),
        "main.lost: unreachable: no node leads here",
    ),
    "no way out for a person": (changed(("    on_agent: bye\n", "")), "main: asks questions but has no on_agent"),
    "essential is no question": (
        changed(("essential: [warm]", "essential: [bye]")),
        "main.essential: “bye” is not a question of this flow",
    ),
    "no title": (changed((", en-US: Trial", "")), "main.title: no title in en-US"),
    "unknown variable": (
        changed(("score <= 2", "skore <= 2")),
        "main.choose.cases.1: “skore” is neither a variable nor a question; did you mean “score”?",
    ),
    "a node that is no question": (
        changed(("score <= 2", "bye")),
        "main.choose.cases.1: “bye” is neither a variable nor a question",
    ),
    "bad condition": (
        changed(("score <= 2", "score <== 2")),
        "main.choose.cases.1: “score <== 2 and warm == 'no'”: not an expression: invalid syntax",
    ),
    "a call in a condition": (
        changed(("score <= 2", "len(score)")),
        "main.choose.cases.1: “len(score) and warm == 'no'”: call is not allowed; use names, values, "
        "comparisons, and, or, not",
    ),
    "a value that never is": (
        changed(("warm == 'no'", "warm == 'cold'")),
        "main.choose.cases.1: “warm” is never 'cold'; it is one of yes, no",
    ),
    "a score that never is": (
        changed(("score <= 2", "score == 7")),
        "main.choose.cases.1: “score” is never 7; it is a number from 1 to 5",
    ),
    "a word by its order": (
        changed(("warm == 'no'", "worker < 'good'")),
        "main.choose.cases.1: “worker” is a word and cannot be compared with <, <=, > or >=",
    ),
    "an answer taken for true or false": (
        changed(("warm == 'no'", "warm")),
        "main.choose.cases.1: “warm” alone is true for every answer; compare it, as in warm == 'yes'",
    ),
    "a number set against a word": (
        changed(("score <= 2", "fee > 'much'")),
        "main.choose.cases.1: “fee” is of type number and cannot be compared with 'much'",
    ),
    "a flag against a word": (
        changed(
            ("fee: {type: number, default: 0}", "fee: {type: flag, default: false}"), ("score <= 2", "fee == 'no'")
        ),
        "main.choose.cases.1: “fee” is never 'no': it must be true or false; yes, no, on, off, 1 and 0 are not "
        "accepted",
    ),
    "a flag by its order": (
        changed(("fee: {type: number, default: 0}", "fee: {type: flag, default: false}"), ("score <= 2", "fee > 0")),
        "main.choose.cases.1: “fee” is of type flag and cannot be compared with 0",
    ),
    "a choice that never is": (
        changed(
            ("fee: {type: number, default: 0}", "fee: {type: choice, values: [a, b]}"), ("score <= 2", "fee == ''")
        ),
        "main.choose.cases.1: “fee” is never '': it must be one of a, b",
    ),
    "a phone number as nobody keeps it": (
        changed(("score <= 2", "hotline == '024-66778899'")),
        "main.choose.cases.1: “hotline” is never '024-66778899'; write '+862466778899'",
    ),
    "a variable without a type": (
        changed(("fee: {type: number, default: 0}", "fee: no")),
        "variables.fee: it has no type; write {type: …, default: …} with one of the types flag, number, phone, digits, "
        "text, choice",
    ),
    "a variable of an unknown type": (
        changed(("fee: {type: number", "fee: {type: money")),
        "variables.fee: unknown type “money”; types are 'flag', 'number', 'phone', 'digits', 'text', 'choice'",
    ),
    "a variable without its choice": (
        changed(("type: number, default: 0", "type: choice")),
        "variables.fee: “values” is missing",
    ),
    "a choice listed twice": (
        changed(("type: number, default: 0", "type: choice, values: [a, b, a]")),
        "variables.fee: “a” is listed more than once",
    ),
    "a range upside down": (
        changed(("type: number, default: 0", "type: number, low: 5, high: 4")),
        "variables.fee: low must not be above high, but low is 5 and high is 4",
    ),
    "a default that is none": (
        changed(("default: 0}", "default: cheap}")),
        "variables.fee.default: must be a whole number from 0 to 9999",
    ),
    "a default of a flow": (
        changed(("    essential", "    variables: {paid: {type: flag, default: no}}\n    essential")),
        "main.variables.paid.default: must be true or false; yes, no, on, off, 1 and 0 are not accepted",
    ),
    "two types of one variable": (
        changed(("    essential", "    variables: {fee: {type: flag}}\n    essential")),
        "main.variables.fee: the file declares another “fee” of type number",
    ),
    "a value that is not set": (
        changed(*TO_SET, ("SET", "fee: free")),
        "main.more.values.fee: must be a whole number from 0 to 9999",
    ),
    "a misspelt variable that is set": (
        changed(*TO_SET, ("SET", "hotlin: '6789100'")),
        "main.more.values.hotlin: “hotlin” is neither a variable nor a question; did you mean “hotline”?",
    ),
    "a default that is taken away": (
        changed(*TO_SET, ("SET", "fee: null")),
        "main.more.values.fee: must not be null; the variable has a default",
    ),
    "a variable named as a question": (
        changed(("fee: {", "score: {type: number, default: 3}, fee: {")),
        "main.score: a variable has the same name as this question",
    ),
    "missing route": (
        changed(("next: worker", 'next: {"yes": worker}')),
        "main.warm.next: no route for no; add it or a default",
    ),
    "route for no value": (
        changed(("bad: choose", "bad: choose, ugly: choose")),
        "main.worker.next.ugly: “ugly” is not a value of this question",
    ),
    "a dead end": (
        changed(("otherwise: bye", "otherwise: stuck"), ("      bye: {type", f"{STUCK}      bye: {{type")),
        "main.stuck: dead end: no path from here ends the call",
    ),
    "a circle": (
        changed(("otherwise: bye", "otherwise: choose")),
        "main.choose: loops without waiting for the caller",
    ),
    "duplicate phrase": (changed(("[很差]", "[很差, 很好]")), "main.worker.answer: “很好” means both good and bad"),
    "duplicate phrase of yes and no": (
        changed(("[不热]", "[不热, 热了]")),
        "main.warm.answer: “热了” means both yes and no",
    ),
    "an answer that is a command": (
        changed(("[很差]", "[很差, 拒绝]")),
        "main.worker.answer: “拒绝” means both bad and (refuse)",
    ),
    "two commands": (
        changed(("[拒绝]", "[拒绝, 转人工]")),
        "universals.phrases.zh-CN: “转人工” means both (agent) and (refuse)",
    ),
    "a value nobody can say": (
        changed(("phrases: {zh-CN: [很差], en-US: [bad]}", "phrases: {zh-CN: [很差]}")),
        "main.worker.answer.bad: it has no phrases in en-US",
    ),
    "phrases in another language": (
        changed(("en-US: [bad]}", "en-US: [bad], en-GB: [poor]}")),
        "main.worker.answer.bad.phrases.en-GB: this language is not listed in the file's `languages`",
    ),
    "key clash": (
        changed(('bad: {keys: "2"', 'bad: {keys: "1"')),
        "main.worker.answer: key 1 stands for both good and bad",
    ),
    "key clash with a command": (
        changed(('bad: {keys: "2"', 'bad: {keys: "0"')),
        "main.worker.answer: key 0 stands for both bad and (agent)",
    ),
    "key that ends the input": (
        changed(('bad: {keys: "2"', 'bad: {keys: "#"')),
        "main.worker.answer: key # stands for both bad and finish_on_key",
    ),
    "a command with the key of another": (
        changed(('agent: {keys: "0"', 'agent: {keys: "*"')),
        "universals.agent.keys: key * also stands for (repeat)",
    ),
    "key after which nothing is entered": (
        changed(('bad: {keys: "2"', 'bad: {keys: "#2"')),
        "main.worker.answer: key # ends the input, so #2 can never be entered for bad",
    ),
    "unknown threshold": (
        changed(("closed_quiet_ms", "closed_silence_ms")),
        "main.score.timing.closed_silence_ms: unknown threshold; thresholds are " + ", ".join(sorted(THRESHOLDS)),
    ),
    "no keys and no voice": (
        changed(("prompt: q.warm", "prompt: q.warm\n        input: []")),
        "main.warm.input: tuple should have at least 1 item after validation, not 0",
    ),
    "a choice that is no time": (
        changed(("en-US: tomorrow morning", "en-US: whenever")),
        "main.when.choices.1.en-US: “whenever” is not understood as a time",
    ),
    "a choice that is past": (
        changed(("zh-CN: 明天上午", "zh-CN: 昨天")),
        "main.when.choices.1.zh-CN: “昨天” is in the past or more than a month ahead",
    ),
    "a choice outside the hours": (
        changed(("zh-CN: 明天上午", "zh-CN: 明天晚上九点")),
        "main.when.choices.1.zh-CN: “明天晚上九点” is not between 08:00 and 20:00",
    ),
    "a choice missing in a language": (
        changed((", en-US: tomorrow morning", "")),
        "main.when.choices.1.en-US: missing",
    ),
    "no hangup": (
        GOOD.replace(
            "bye: {type: hangup, prompt: q.bye}", "bye: {type: transfer, target: x, prompt: q.bye, failed: warm}"
        ),
        "main: no path ends the call; add a hangup node",
    ),
    "return in a flow that nobody calls": (
        GOOD + SUB,
        "sub: “return” is used in a flow that no subflow node calls; use a hangup node instead",
    ),
    "unknown flow": (changed(*TO_SUB), "main.more.flow: unknown flow “sub”"),
    "a subflow that calls itself": (
        changed(*TO_SUB) + SUB.replace("return", "again") + "      again: {type: subflow, flow: sub, next: return}\n",
        "sub: calls itself through its subflows",
    ),
    "the same question in a subflow": (
        changed(*TO_SUB)
        + SUB.replace(
            "hello: {type: say, prompt: q.bye",
            "score: {type: record, prompt: q.say, skip_on_key: '2', keys_prompt: q.keys",
        ).replace("start: hello", "start: score"),
        "main.score: subflow “sub” has a question of the same name",
    ),
    "last words that speak": (
        changed(
            ("    essential", "    lastly: last\n    essential"),
            ("      bye: {type", "      last: {type: say, prompt: q.say, next: return}\n      bye: {type"),
        ),
        "main.last: is in the flow's `lastly` chain; only branch, set and complaint nodes may be",
    ),
    "a detail that nobody gives": (
        changed(
            ("next: worker", "next: case"),
            (
                "      bye: {type",
                "      case: {type: complaint, kind: bad, reason: x, details: [wram], next: worker}\n      bye: {type",
            ),
        ),
        "main.case.details: “wram” is neither a variable nor a question; did you mean “warm”?",
    ),
}
SEVERAL = {
    "a command that says yes": (
        changed(("[stop calling]", "[stop calling, yes]")),
        [
            "main.warm.answer: “yes” means both yes and (refuse)",
            "universals.phrases.en-US: “yes” means both (refuse) and yes",
        ],
    ),
    "keys only, and nothing tells them": (
        changed(
            ("prompt: q.say", "prompt: q.say\n        input: [dtmf]"),
            ("[nothing]}\n        keys_prompt: q.keys", "[nothing]}"),
        ),
        [
            "main.say: callers in en-US have to answer with keys (its input excludes speech); add a keys_prompt",
            "main.say: callers in zh-CN have to answer with keys (its input excludes speech); add a keys_prompt",
        ],
    ),
    "last words that do not end": (
        changed(
            ("    essential", "    lastly: last\n    essential"),
            ("      bye: {type", "      last: {type: set, values: {fee: 1}, next: last}\n      bye: {type"),
        ),
        [
            "main.last: dead end: no path from here ends the call",
            "main.last: loops without waiting for the caller",
        ],
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_is_found_and_no_other(kind: str) -> None:
    source, reason = FAULTS[kind]
    found = [fault.partition("\n")[0] for fault in faults(source)]
    assert found == [f"{FILE}: {reason}"]


EVERYWHERE = (
    ("version: 1", "version: 2"),
    ("still_there: c.there", "still_there: there"),
    ("title: {zh-CN: 试, en-US: Trial}", "titel: {zh-CN: 试, en-US: Trial}"),
    ("    essential", "    start: cold\n    essential"),
    ("confirm: q.no, ", ""),
    ("good: score,", "good: scor,"),
    ("[很差]", "[很差, 很好]"),
    ("low: 1, high: 5", "low: 9, high: 5"),
    ("score <= 2", "skore <= 2"),
    ("zh-CN: 明天上午", "zh-CN: 昨天"),
    ('skip_on_key: "2"', "skip_on_key: 2"),
    ("prompt: q.bye", "colour: red, prompt: q.bye"),
)


def test_faults_of_all_kinds_are_named_at_once_from_top_to_bottom() -> None:
    prompts = Prompts(missing={"q.bye": ("en-US",), "c.wait": ("zh-CN",)})
    assert [str(fault) for fault in located(changed(*EVERYWHERE), prompts)] == [
        "small.yaml:2: version: input should be 1",
        "small.yaml:10: common.still_there: string should match pattern '^[a-z][a-z0-9_]*(\\.[a-z0-9_]+)+$'",
        "small.yaml:10: common.wait: no “c.wait” in zh-CN",
        "small.yaml:12: main: “title” is missing",
        "small.yaml:13: main.titel: unknown field",
        "small.yaml:18: main.start: duplicate key; the first is on line 14",
        "small.yaml:27: main.warm.answer.no: “confirm” is missing",
        "small.yaml:33: main.worker.answer: “很好” means both good and bad",
        "small.yaml:39: main.worker.next.good: unknown node “scor”",
        "small.yaml:43: main.score.answer: low must be below high, but low is 9 and high is 5",
        "small.yaml:50: main.choose.cases.1: “skore” is neither a variable nor a question; did you mean “score”?",
        "small.yaml:59: main.when.choices.1.zh-CN: “昨天” is in the past or more than a month ahead",
        "small.yaml:65: main.say.skip_on_key: input should be a valid string",
        "small.yaml:69: main.bye.colour: unknown field",
        "small.yaml:69: main.bye.prompt: no “q.bye” in en-US",
    ]


def test_a_file_without_a_readable_flow_has_the_faults_of_its_form() -> None:
    source = changed(("version: 1", "version: 2"), ("    nodes:", "    notes:"))
    assert faults(source) == [
        f"{FILE}: main.notes: unknown field",
        f"{FILE}: main: “nodes” is missing",
        f"{FILE}: version: input should be 1",
    ]


@settings(max_examples=100)
@given(data=st.data())
def test_any_file_is_fine_or_has_faults(data: st.DataObject) -> None:
    pieces = re.findall(r"\S+|\s+", GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(pieces) - 1))
        other = st.sampled_from(["5", "no", "[]", "{}", "~", "1.5", "2026-13-01", "[x, 2]", "{a: b}", "", *pieces])
        pieces[at] = data.draw(other)
    for fault in located("".join(pieces)):
        assert fault.file == FILE and fault.reason


@pytest.mark.parametrize("kind", SEVERAL)
def test_a_fault_that_shows_in_several_places(kind: str) -> None:
    source, reasons = SEVERAL[kind]
    assert faults(source) == [f"{FILE}: {reason}" for reason in reasons]


def test_a_prompt_missing_in_a_language() -> None:
    prompts = Prompts(missing={"q.bye": ("en-US",), "c.wait": ("zh-CN",)})
    assert faults(GOOD, prompts) == [
        f"{FILE}: common.wait: no “c.wait” in zh-CN",
        f"{FILE}: main.bye.prompt: no “q.bye” in en-US",
    ]


@pytest.mark.parametrize(
    ("prompt", "path"),
    [
        ("q.warm", "main.warm.prompt"),
        ("q.yes", "main.warm.answer.yes.confirm"),
        ("q.good", "main.worker.answer.good.confirm"),
        ("q.range", "main.score.answer.out_of_range"),
        ("q.whole", "main.score.answer.not_whole"),
        ("q.past", "main.when.out_of_range"),
        ("q.hours", "main.when.outside_hours"),
        ("q.then", "main.when.confirm"),
        ("c.only", "common.keys_only"),
    ],
)
def test_every_prompt_is_looked_at(prompt: str, path: str) -> None:
    assert faults(GOOD, Prompts(missing={prompt: ("zh-CN",)})) == [f"{FILE}: {path}: no “{prompt}” in zh-CN"]


def test_a_variable_in_a_prompt_that_nobody_gives() -> None:
    prompts = Prompts(spoken={"q.warm": {"name": "digits", "fee": "number", "score": "score"}})
    reason = "prompt “q.warm” uses “name”, which no variable or question provides"
    assert faults(GOOD, prompts) == [f"{FILE}: main.warm.prompt: {reason}"]


@pytest.mark.parametrize(
    ("variable", "spoken_as", "reason"),
    [
        ("{type: number, default: 0}", "number", ""),
        (
            "{type: number, default: 0}",
            "score",
            "“fee” as score, but a number from 0 to 9999 is spoken as {fee:number}",
        ),
        ("{type: number, high: 10, default: 0}", "score", ""),
        (
            "{type: number, high: 10, default: 0}",
            "digits",
            "“fee” as digits, but a number from 0 to 10 is spoken as {fee:number} or {fee:score}",
        ),
        (
            "{type: number, high: 10000, default: 0}",
            "number",
            "“fee” as number, but a number from 0 to 10000 cannot be spoken",
        ),
        ("{type: number}", "number", "“fee”, which has no default and may be without a value"),
        ("{type: phone, default: '110'}", "phone", ""),
        ("{type: phone, default: '110'}", "digits", "“fee” as digits, but a phone number is spoken as {fee:phone}"),
        ("{type: digits, default: '110'}", "digits", ""),
        (
            "{type: digits, default: '110'}",
            "number",
            "“fee” as number, but a string of digits is spoken as {fee:digits}",
        ),
        ("{type: flag, default: true}", "number", "“fee” as number, but a flag cannot be spoken"),
        ("{type: text, default: '2026-11-19'}", "date", "“fee” as date, but a text cannot be spoken"),
        ("{type: choice, values: ['1'], default: '1'}", "digits", "“fee” as digits, but a choice cannot be spoken"),
    ],
)
def test_a_prompt_speaks_a_variable_as_all_its_values_can_be_spoken(variable: str, spoken_as: str, reason: str) -> None:
    source = changed(("fee: {type: number, default: 0}", f"fee: {variable}"))
    expected = [f"{FILE}: main.warm.prompt: prompt “q.warm” speaks {reason}"] if reason else []
    assert faults(source, Prompts(spoken={"q.warm": {"fee": spoken_as}})) == expected


def test_a_misspelt_variable_in_a_prompt() -> None:
    reason = "prompt “q.warm” uses “hotlin”, which no variable or question provides; did you mean “hotline”?"
    assert faults(GOOD, Prompts(spoken={"q.warm": {"hotlin": "phone"}})) == [f"{FILE}: main.warm.prompt: {reason}"]


def test_a_value_that_a_node_gives_is_not_the_variable_of_the_same_name() -> None:
    source = changed(("fee: {", "value: {type: flag, default: true}, fee: {"))
    assert faults(source) == []


def test_values_that_may_be_set() -> None:
    assert faults(changed(*TO_SET, ("SET", "fee: 5, hotline: 024-66778899, score: 3"))) == []
    source = changed(("type: number, default: 0", "type: number"), *TO_SET, ("SET", "fee: null"))
    assert faults(source) == []


def test_the_value_read_back_is_known_only_where_it_is_read_back() -> None:
    prompts = Prompts(spoken={"q.score": {"value": "score"}})
    reason = "prompt “q.score” uses “value”, which no variable or question provides"
    assert faults(GOOD, prompts) == [f"{FILE}: main.score.prompt: {reason}"]


@pytest.mark.parametrize(
    ("phrase", "path"),
    [
        ("很差", "main.worker.answer.bad"),
        ("不热", "main.warm.answer.no"),
        ("没有了", "main.say.cues"),
        ("转人工", "universals.agent.phrases.zh-CN"),
    ],
)
def test_a_phrase_that_the_model_cannot_hear(phrase: str, path: str) -> None:
    hearing = Hearing(deaf_to={phrase: "no such word; say it otherwise"})
    assert faults(GOOD, hearing=hearing) == [
        f"{FILE}: {path}: “{phrase}” cannot be recognised: no such word; say it otherwise"
    ]


def test_what_sounds_alike_may_not_mean_two_things() -> None:
    hearing = Hearing(alike=(("很好", "很差"),))
    reason = "“很好” (good) and “很差” (bad) sound alike in zh-CN"
    found = faults(GOOD, hearing=hearing)
    assert found == [f"{FILE}: main.worker.answer: {reason}"]


def test_what_sounds_alike_may_mean_the_same() -> None:
    assert faults(changed(("[很好]", "[很好, 恨好]")), hearing=Hearing(alike=(("很好", "恨好"),))) == []


def test_nothing_is_said_of_phrases_in_a_language_that_no_model_hears() -> None:
    hearing = Hearing(frozenset({"en-US"}), deaf_to={"很差": "x"}, alike=(("很好", "很差"),))
    assert faults(GOOD, hearing=hearing) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "comma", "items"),
    [
        ("[很好]", "[很好，不错]", "main.worker.answer.good.phrases.zh-CN.1", "，", "很好, 不错"),
        ("[不热]", "[不热, 没热、还冷；冷]", "main.warm.answer.no.phrases.zh-CN.2", "、", "没热, 还冷, 冷"),
        ("[good]", "[good， fine]", "main.worker.answer.good.phrases.en-US.1", "，", "good, fine"),
        ("[没有了]", "[没有了，]", "main.say.cues.zh-CN.1", "，", "没有了"),
        ("cues: {", "spot: {zh-CN: [媒体；律师]}\n        cues: {", "main.say.spot.zh-CN.1", "；", "媒体, 律师"),
        ("[转人工]", "[转人工、人工]", "universals.agent.phrases.zh-CN.1", "、", "转人工, 人工"),
    ],
)
def test_a_full_width_comma_separates_no_phrases(old: str, new: str, path: str, comma: str, items: str) -> None:
    [fault] = faults(changed((old, new)))
    where, phrase, _, _ = re.split("[“”]", fault, maxsplit=3)
    assert where == f"{FILE}: {path}: " and phrase in new and comma in phrase
    reason = f"contains a full-width “{comma}”, which separates no phrases; write separate list items: {items}"
    assert fault.endswith(f"“{phrase}” {reason}")


def test_where_no_model_hears_the_keys_must_be_told() -> None:
    source = changed(("[nothing]}\n        keys_prompt: q.keys", "[nothing]}"))
    reason = "callers in en-US have to answer with keys (no model recognises en-US); add a keys_prompt"
    assert faults(source) == []
    assert faults(source, hearing=Hearing(frozenset({"zh-CN"}))) == [f"{FILE}: main.say: {reason}"]


def test_where_no_model_hears_there_must_be_keys() -> None:
    source = changed(("prompt: q.say", "prompt: q.say\n        input: [speech]"))
    reason = "it cannot be answered in en-US: no model recognises en-US; add dtmf to its input"
    assert faults(source) == []
    assert faults(source, hearing=Hearing(frozenset({"zh-CN"}))) == [f"{FILE}: main.say.input: {reason}"]


def test_a_circle_through_a_subflow_that_waits_is_none() -> None:
    ask = "hello: {type: record, prompt: q.say, skip_on_key: '2', keys_prompt: q.keys, next: return}"
    looped = changed(
        ("otherwise: bye", "otherwise: more"),
        ("      bye: {type", "      more: {type: subflow, flow: sub, next: choose}\n      bye: {type"),
    )
    quiet = looped + SUB
    waiting = looped + SUB.replace("hello: {type: say, prompt: q.bye, next: return}", ask)
    assert faults(waiting) == []
    circle = "loops without waiting for the caller"
    assert faults(quiet) == [f"{FILE}: main.choose: {circle}", f"{FILE}: main.more: {circle}"]


def test_routes_of_a_score_may_name_every_score_or_a_default() -> None:
    routes = ", ".join(f'"{score}": choose' for score in range(1, 6))
    assert faults(changed(("200}\n        next: choose", f"200}}\n        next: {{{routes}}}"))) == []
    assert faults(changed(("200}\n        next: choose", '200}\n        next: {"1": choose, default: bye}'))) == []
    reason = "no route for 2, 3, 4, 5; add it or a default"
    assert faults(changed(("200}\n        next: choose", '200}\n        next: {"1": choose}'))) == [
        f"{FILE}: main.score.next: {reason}"
    ]


def test_a_command_may_not_have_the_key_for_right_or_wrong() -> None:
    found = faults(changed(('agent: {keys: "0"', 'agent: {keys: "2"')))
    assert f"{FILE}: universals.agent.keys: key 2 also stands for “wrong” when an answer is read back" in found


READ_BACK = changed(("cues: {zh-CN", "read_back: {prompt: q.said, unplayed: q.noted}\n        cues: {zh-CN"))


def test_what_is_read_back_must_be_played() -> None:
    assert faults(READ_BACK, Prompts(spoken={"q.said": {"said": "recording"}})) == []
    reason = "prompt “q.said” does not play the caller's words; use the variable {said:recording} in it"
    assert faults(READ_BACK) == [f"{FILE}: main.say.read_back.prompt: {reason}"]


def test_the_callers_own_words_are_played_only_where_they_are_read_back() -> None:
    prompts = Prompts(spoken={"q.said": {"said": "recording"}, "q.say": {"said": "recording", "say_span": "digits"}})
    reason = "prompt “q.say” uses “said”, which no variable or question provides"
    assert faults(READ_BACK, prompts) == [f"{FILE}: main.say.prompt: {reason}"]


@pytest.mark.parametrize(("prompt", "key"), [("q.said", "prompt"), ("q.noted", "unplayed")])
def test_the_prompts_of_a_read_back_are_looked_at(prompt: str, key: str) -> None:
    prompts = Prompts(missing={prompt: ("zh-CN",)}, spoken={"q.said": {"said": "recording"}})
    assert faults(READ_BACK, prompts) == [f"{FILE}: main.say.read_back.{key}: no “{prompt}” in zh-CN"]


def test_words_worth_noticing_must_be_heard_and_mean_nothing_else() -> None:
    source = changed(("cues: {zh-CN: [没有了]", "spot: {zh-CN: [媒体, 没有了]}\n        cues: {zh-CN: [没有了]"))
    assert faults(source) == [f"{FILE}: main.say: “没有了” means both cues and spot"]
    source = changed(("cues: {zh-CN: [没有了]", "spot: {zh-CN: [媒体]}\n        cues: {zh-CN: [没有了]"))
    deaf = Hearing(deaf_to={"媒体": "no such word"})
    assert faults(source, hearing=deaf) == [f"{FILE}: main.say.spot: “媒体” cannot be recognised: no such word"]


def test_an_answer_that_is_offered_must_be_known() -> None:
    offer = "{type: phone, confirm: q.value, offer: {variable: caller, prompt: q.value}}"
    source = changed(
        (
            "      choose:\n",
            "      spare:\n        type: ask\n        prompt: q.say\n        keys_prompt: "
            f"q.keys\n        answer: {offer}\n        next: bye\n      choose:\n",
        ),
        ("otherwise: bye", "otherwise: spare"),
    )
    assert faults(source) == [
        f"{FILE}: main.spare.answer.offer.variable: “caller” is neither a variable nor a question"
    ]
    assert faults(source.replace("fee: {", "caller: {type: phone}, fee: {")) == []


LOOKUP = (
    ("otherwise: bye", "otherwise: find"),
    (
        "      bye: {type",
        "      find: {type: lookup, by: phone, value: hotline, found: bye, missing: say}\n      bye: {type",
    ),
)


def test_a_lookup_gives_what_it_finds() -> None:
    prompts = Prompts(spoken={"q.bye": {"case_number": "digits", "case_opened_on": "date"}})
    assert faults(changed(*LOOKUP), prompts) == []
    reason = "prompt “q.bye” uses “case_number”, which no variable or question provides"
    assert f"{FILE}: main.bye.prompt: {reason}" in faults(GOOD, prompts)


@pytest.mark.parametrize(
    ("old", "new", "path", "reason"),
    [
        ("value: hotline, ", "", "main.find", "`by: number` and `by: phone` need a value; `by: call` takes none"),
        ("by: phone", "by: call", "main.find", "`by: number` and `by: phone` need a value; `by: call` takes none"),
        ("value: hotline", "value: caller", "main.find.value", "“caller” is neither a variable nor a question"),
        ("missing: say", "missing: nowhere", "main.find.missing", "unknown node “nowhere”"),
        ("missing: say", "missing: choose", "main.choose", "loops without waiting for the caller"),
    ],
)
def test_a_lookup_that_cannot_be(old: str, new: str, path: str, reason: str) -> None:
    assert f"{FILE}: {path}: {reason}" in faults(changed(*LOOKUP, (old, new)))


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        ("play: choose, ", "play", "“choose” is not a free-speech question (a record node)"),
        ("line: where, ", "line", "“where” is neither a variable nor a question; did you mean “when”?"),
        ('whisper: "{what}", ', "whisper", "“what” is neither a variable nor a question"),
        (
            'whisper: [好, "{choose"], ',
            "whisper",
            "“{choose”: braces must enclose the name of a variable or a question",
        ),
    ],
)
def test_a_transfer_that_speaks_of_what_nobody_knows(changes: str, path: str, reason: str) -> None:
    person = f"      person: {{type: transfer, target: desk, {changes}prompt: q.say, failed: bye}}\n"
    source = changed(("otherwise: bye", "otherwise: person"), ("      bye: {type", person + "      bye: {type"))
    assert f"{FILE}: main.person.{path}: {reason}" in faults(source)
