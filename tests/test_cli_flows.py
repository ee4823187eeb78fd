"""`service.py flows …`, as an author uses it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ivr.cli.flows import app, json_schema
from recognizer.vosk import SHIPPED as MODELS

ROOT = Path(__file__).parents[1]
SHIPPED = (ROOT / "callflows.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a command would store its data."""
    monkeypatch.setenv("HUIFANG_DATA", str(tmp_path / "var"))
    return tmp_path


def flows(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=typed)


# --- check ------------------------------------------------------------------------------------------------------


def test_the_shipped_flows_have_no_faults(folder: Path) -> None:
    result = flows("check", str(ROOT / "callflows.yaml"))
    assert result.exit_code == 0
    assert (
        "fine (flows: survey, hotline, repair, complaint, call_back, verify, rating; languages: zh-CN, en-US)"
        in result.stdout
    )
    by_keys = "no speech model for en-US: callers answer with keys" in result.stdout
    assert by_keys == ("en-US" not in MODELS)
    assert list(folder.iterdir()) == []


FAULTS = {
    "unknown node": ("next: attitude\n", "next: atitude\n", "survey.resolved.next: unknown node “atitude”"),
    "unreachable node": (
        "      payment:\n",
        "      lost: {type: hangup}\n      payment:\n",
        "survey.lost: unreachable: no node leads here",
    ),
    "dead end": (
        "        otherwise: not_booked\n        next: booked",
        "        otherwise: not_booked\n        next: stuck\n      stuck: {type: record, prompt: survey.comments, "
        'skip_on_key: "2", keys_prompt: comments.keys, otherwise: stuck, next: stuck}\n      done: {type: say, '
        "prompt: survey.payment, next: booked}",
        "survey.stuck: dead end: no path from here ends the call",
    ),
    "missing prompt": (
        "keys_prompt: score.keys",
        "keys_prompt: score.kees",
        f"survey.score.keys_prompt: there is no prompt 'score.kees' in {ROOT / 'prompts' / 'catalog.yaml'}",
    ),
    "a phrase that the model can't hear": (
        "[方便, 方便的",
        "[OK, 方便的",
        "survey.convenient.answer.yes: “ok” cannot be recognised",
    ),
    "duplicate phrase in two values": (
        "[一般, 一般般",
        "[一般, 很好",
        "survey.attitude.answer: “很好” means both satisfied and neutral",
    ),
    "key clash": ('keys: "3"', 'keys: "2"', "survey.attitude.answer: key 2 stands for both neutral and dissatisfied"),
    "duplicate key": ("version: 1\n", "version: 1\nversion: 1\n", "version: duplicate key; the first is on line 3"),
    "wrong type": ("low: 1\n", "low: one\n", "survey.score.answer.low: input should be a valid integer"),
    "unknown field": ("    start: notice", "    begin: notice\n    start: notice", "survey.begin: unknown field"),
    "unknown variable": ("and fee_unpaid", "and fee_due", "survey.fee.cases.1: “fee_due” is neither a variable"),
    "bad condition": ("score <= 4", "score =< 4", "survey.review.cases.1: “resolved == 'no' or"),
    "circle": ("otherwise: closing", "otherwise: fee", "survey.fee: loops without waiting"),
    "missing route": (
        'next: {"yes": resolved, "no": book}',
        'next: {"yes": resolved, "ja": book}',
        "survey.convenient.next: no route for no; add it or a default",
    ),
    "unknown threshold": (
        "prompt: survey.resolved\n",
        "prompt: survey.resolved\n        timing: {patience_ms: 5}\n",
        "survey.resolved.timing.patience_ms: unknown threshold",
    ),
    "homophones": (
        "还可以, 马马虎虎",
        "还可以, 满一",
        "survey.attitude.answer: “满一” (neutral) and “满意” (satisfied) sound alike",
    ),
    "a choice that is no time": (
        "zh-CN: 后天下午",
        "zh-CN: 改天",
        "survey.book.choices.4.zh-CN: “改天” is not understood",
    ),
    "unknown subflow": (
        "        type: say\n        prompt: survey.payment\n",
        "        type: subflow\n        flow: pay\n",
        "survey.payment.flow: unknown flow “pay”",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_faulty_file_is_refused_with_file_path_and_reason(folder: Path, kind: str) -> None:
    old, new, reason = FAULTS[kind]
    assert old in SHIPPED
    source = SHIPPED.replace(old, new, 1)
    file = folder / "mine.yaml"
    file.write_text(source, encoding="utf-8")
    result = flows("check", str(file))
    assert result.exit_code == 2
    wanted = rf"{re.escape(str(file))}(:\d+)?: {re.escape(reason)}"
    assert any(re.match(wanted, line) for line in result.stderr.splitlines()), result.stderr
    assert result.stdout == ""
    assert list(folder.iterdir()) == [file]
    assert file.read_text(encoding="utf-8") == source


def test_a_missing_file(folder: Path) -> None:
    result = flows("check", str(folder / "none.yaml"))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{folder / 'none.yaml'}: cannot be read")


def test_check_by_the_service_itself(folder: Path) -> None:
    file = folder / "mine.yaml"
    file.write_text(SHIPPED.replace("start: notice", "start: nowhere"), encoding="utf-8")
    command = [sys.executable, str(ROOT / "service.py"), "flows", "check", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    line = SHIPPED[: SHIPPED.index("start: notice")].count("\n") + 1
    assert result.stderr == f"{file}:{line}: survey.start: unknown node “nowhere”\n"


def test_every_fault_of_a_file_is_printed_with_its_line(folder: Path) -> None:
    file = folder / "mine.yaml"
    source = SHIPPED
    for kind in ("unknown variable", "wrong type", "unknown field", "missing prompt", "duplicate key"):
        old, new, _ = FAULTS[kind]
        source = source.replace(old, new, 1)
    file.write_text(source, encoding="utf-8")
    result = flows("check", str(file))
    assert result.exit_code == 2
    printed = [line.removeprefix(f"{file}:").split(": ")[:2] for line in result.stderr.splitlines()]
    assert [path for _, path in printed] == [
        "version",
        "survey.begin",
        "survey.score.answer.low",
        "survey.score.keys_prompt",
        "survey.fee.cases.1",
    ]
    assert sorted(printed, key=lambda each: int(each[0])) == printed


# --- simulate ---------------------------------------------------------------------------------------------------


def test_a_typed_conversation() -> None:
    result = flows("simulate", "--set", "fee_unpaid=true", typed="方便\n#1\n满意\n没有\n八分@0.6\n对\n没有\n")
    assert result.exit_code == 0
    assert "☎ 您说的是八分，对吗？" in result.stdout
    assert "☎ 我们的收费工作已经开始" in result.stdout
    outcome = result.stdout[result.stdout.index("\ncompleted\n") :]
    assert "  resolved: yes (key)\n" in outcome
    assert "  score: 8 (voice, confirmed)\n" in outcome


def test_a_typed_booking_and_a_case() -> None:
    booked = flows("simulate", typed="不方便\n#1\n#1\n").stdout
    assert "\ncallback_booked\n" in booked and "  callback at 20" in booked
    assert "  case bad_review: 回访差评" in flows("simulate", typed="方便\n没修好\n<hangup>\n").stdout


def test_the_end_of_the_input_hangs_up() -> None:
    result = flows("simulate", typed="方便\n解决了\n")
    assert result.exit_code == 0
    assert result.stdout.endswith("\nbreakoff\n  convenient: yes (voice)\n  resolved: yes (voice)\n")


def test_invalid_input_is_explained_and_changes_nothing() -> None:
    shown = flows("simulate", typed="#9\n<taken>\n八@x\n?\n方便\n").stdout
    assert "“9” is not accepted here; keys: 1, 2, *, 0" in shown
    assert "no transfer and no case lookup is in progress" in shown
    assert "“x” is not a confidence from 0 to 1" in shown
    assert "  (agent): 人工" in shown
    assert "☎ 问题解决了吗？" in shown


def test_a_conversation_by_keys_in_english() -> None:
    shown = flows("simulate", "--language", "en-US", "--keys-only", typed="hello\n#1\n").stdout
    assert "☎ Please answer with the keys of your telephone." in shown
    assert "speech is not recognised here; keys: 1, 2, *, 0" in shown
    assert "☎ Has the problem been solved?" in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["survei"], "there is no flow “survei”; flows: survey, hotline, repair, complaint, call_back, verify, rating"),
        (["--language", "fr-FR"], "the flows do not support fr-FR; languages: zh-CN, en-US"),
        (["--set", "fee_unpaid"], "--set fee_unpaid: it does not have the form name=value"),
        (
            ["--set", "xyz=1"],
            "--set xyz: the flow takes no value of this name; it takes hotline, fee_unpaid, caller, festival, "
            "waited_rings, line, greeted, convenient, resolved, attitude, charged, score, comments",
        ),
        (
            ["--set", "fee_unpaid=yes", "--set", "fee_unpayed=true", "--set", "caller=13812345678"],
            "--set fee_unpaid: must be true or false; yes, no, on, off, 1 and 0 are not accepted\n"
            "--set fee_unpayed: the flow takes no value of this name; did you mean “fee_unpaid”?",
        ),
    ],
)
def test_a_conversation_that_cannot_start(arguments: list[str], reason: str) -> None:
    result = flows("simulate", *arguments)
    assert (result.exit_code, result.stderr) == (2, f"{reason}\n")


# --- graph, schema ----------------------------------------------------------------------------------------------


def test_a_flow_as_a_chart() -> None:
    result = flows("graph", "survey")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "flowchart TD"
    assert '    convenient -->|"no"| book' in lines
    assert '    score["score<br/><i>score</i>"]' in lines
    [bad] = [line for line in lines if line.endswith("| bad_review")]
    assert bad.startswith("    review -->|\"resolved == 'no' or ") and bad.endswith(' or score #lt;= 4"| bad_review')
    assert "    On_agent(on_agent) -.-> to_agent" in lines
    assert flows("graph", "survei").exit_code == 2


def test_the_schema_for_editors_is_up_to_date() -> None:
    printed = flows("schema")
    shipped = (ROOT / "docs" / "callflows.schema.json").read_text(encoding="utf-8")
    assert json.loads(printed.stdout) == json_schema()
    assert shipped == printed.stdout, "run: python service.py flows schema > docs/callflows.schema.json"


def test_the_shipped_flows_name_their_schema() -> None:
    line = next(line for line in SHIPPED.splitlines() if "yaml-language-server" in line)
    assert (ROOT / line.partition("$schema=")[2]).is_file()
