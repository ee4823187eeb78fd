"""`service.py complaints …` and `lines …`, as a supervisor uses them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner, Result

from ivr.cli import calls, complaints, lines
from ivr.complaints.case_service import CaseService
from ivr.complaints.rulebook import load
from ivr.console.access import load_token
from ivr.database import tables as t
from ivr.events import Value
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from tests.complaints.people import TO_THE_REPLY, complain, work


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder."""
    monkeypatch.setenv("HUIFANG_DATA", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(complaints.app, list(arguments))


def opened(data: Path, kind: str = "complaint", call: str = "call-1", **details: Value) -> str:
    async def call_in() -> str:
        rules = load(ROOT / "lines.yaml", ROOT / "calendar.yaml")
        records = await CallRecords.open(f"sqlite:///{data / 'records.sqlite'}", rules=rules)
        try:
            return await complain(records, kind, call, **details)
        finally:
            await records.close()

    return asyncio.run(call_in())


def test_a_case_is_listed_shown_and_moved(data: Path) -> None:
    number = opened(data, branch="dalian", cues="媒体", phone="13812345678")
    listed = run("list")
    assert listed.exit_code == 0 and number in listed.stdout and "contact 2026-11-24 12:00" in listed.stdout
    assert "13812345678" not in listed.stdout
    shown = run("show", number).stdout
    assert "serious (proposed: “媒体”: the media or the internet is involved (R9))" in shown
    assert "received by hotline, handled by supervision (supervision, R9)" in shown
    assert "possible now: acknowledge, escalate, report" in shown
    assert run("move", number, "acknowledge", "--who", "王").stdout == f"{number} is acknowledged, with supervision\n"
    assert run("move", number, "assign", "--who", "王", "--handler", "李").exit_code == 0
    assert "王: assign  to 李" in run("show", number).stdout


def test_a_refused_move_gives_the_reason_and_the_possible_moves(data: Path) -> None:
    number = opened(data, branch="dalian")
    refused = run("move", number, "archive", "--who", "王")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "“archive” is not possible for a case that is registered; possible now: acknowledge, escalate, report\n"
    )
    assert run("move", number, "fly", "--who", "王").exit_code == 2
    assert run("move", number, "acknowledge").exit_code == 2


def test_a_case_is_opened_by_hand(data: Path) -> None:
    done = run("open", "柜员态度差", "--who", "王", "--branch", "dalian", "--phone", "138 1234 5678", "--callback")
    number, _, rest = done.stdout.partition(" ")
    assert (done.exit_code, rest) == (0, "is registered, with aid_dalian\n")
    shown = run("show", number).stdout
    assert "王: registered  to aid_dalian (R5)" in shown
    for detail in ("what: 柜员态度差", "phone: +8613812345678", "callback_wanted: yes"):
        assert f"  {detail}\n" in shown


@pytest.mark.parametrize(
    ("given", "kept"), [("0411-83612345转801", "+8641183612345;ext=801"), ("（０２４）6200 0000", "+862462000000")]
)
def test_a_number_is_written_down_in_any_spelling(data: Path, given: str, kept: str) -> None:
    number, _, _ = run("open", "柜员态度差", "--who", "王", "--phone", given).stdout.partition(" ")
    assert f"  phone: {kept}\n" in run("show", number).stdout


@pytest.mark.parametrize("words", [("柜员拿钱", "--kind", "fraud"), ("经理收回扣",)])
def test_a_report_opened_by_hand_goes_to_management_at_once(data: Path, words: tuple[str, ...]) -> None:
    done = run("open", *words, "--who", "王")
    number, _, rest = done.stdout.partition(" ")
    assert (done.exit_code, rest) == (0, "is now confidential: only management can see it\n")
    assert run("show", number).exit_code == 2
    assert number not in run("list").stdout


def test_all_faults_of_a_form_are_reported(data: Path) -> None:
    refused = run("open", "态度差", "--who", "王", "--business", "gold", "--branch", "paris", "--phone", "12")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "--business: there is no “gold” in the lines file; it has card, ebank, savings, wealth, loan\n"
        "--branch: there is no “paris” in the lines file; it has shenyang, dalian, anshan, shenyang_north,"
        " dalian_harbour\n"
        "--phone: “12” is not a telephone number; give it with its area code, or with + and the country code\n"
    )
    assert run("open", "态度差", "--who", "王", "--phone", "匿名").stderr == (
        "--phone: “匿名” stands for a withheld number, which cannot be called\n"
    )
    assert run("open", "态度差", "--who", "王", "--callback").stderr == (
        "--phone: a callback needs a telephone number\n"
    )
    assert run("open", " ", "--who", "王").stderr == "describe what happened\n"
    assert run("open", "态度差").exit_code == 2 and run("open", "--who", "王").exit_code == 2
    assert "registered" not in run("list").stdout


def test_a_grade_is_changed_with_its_author_and_reason(data: Path) -> None:
    number = opened(data, branch="dalian")
    assert run("grade", number, "serious", "--who", "王", "--why", "记者").stdout == (
        f"{number} is serious, with supervision\n"
    )
    assert "serious (by 王: 记者)" in run("show", number).stdout


def test_all_cases_are_exported_as_a_table_or_as_json_lines(data: Path) -> None:
    numbers = [opened(data, call=f"call-{n}", branch="dalian", what="说\n“好”") for n in (1, 2)]
    table = list(csv.DictReader(io.StringIO(run("export").stdout.removeprefix("\ufeff"))))
    rows = [json.loads(line) for line in run("export", "--format", "jsonl").stdout.splitlines()]
    assert [row["number"] for row in table] == [row["number"] for row in rows] == numbers[::-1]
    assert json.loads(table[0]["details"]) == rows[0]["details"] == {"branch": "dalian", "what": "说\n“好”"}
    assert (table[0]["line"], rows[0]["line"], rows[0]["opened_at"]) == (
        "aid_dalian",
        "aid_dalian",
        "2026-11-24T02:00:00Z",
    )
    later = run("export", "--format", "jsonl", "--since", "2026-11-24T10:01:00")
    assert (later.exit_code, later.stdout) == (0, "")


def test_an_exported_table_is_marked_as_utf_8_for_excel_and_json_lines_are_not(data: Path) -> None:
    assert run("export").stdout_bytes.startswith(b"\xef\xbb\xbfnumber,kind,")
    opened(data, branch="dalian", what="暖气不热")
    table = run("export").stdout_bytes
    assert table.startswith(b"\xef\xbb\xbfnumber,kind,") and table.count(b"\xef\xbb\xbf") == 1
    assert "暖气不热" in table.decode("utf-8-sig")
    assert run("export", "--format", "jsonl").stdout_bytes.startswith(b"{")


@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_an_export_is_utf_8_whatever_the_locale(data: Path, encoding: str) -> None:
    opened(data, branch="dalian", what="暖气不热")
    command = [sys.executable, str(ROOT / "service.py"), "complaints", "export"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    table = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert "暖气不热" in table.decode("utf-8-sig") and table.startswith(b"\xef\xbb\xbf")


def test_the_three_shares_of_bad_reviews(data: Path) -> None:
    opened(data, "bad_review", resolved="no")
    shares = run("reviews", "--since", "2026-11-01", "--until", "2026-12-01").stdout
    assert shares.split() == [
        "bad",
        "reviews",
        "investigated",
        "resolved",
        "called",
        "back",
        "1",
        "0",
        "(0",
        "%)",
        "0",
        "(0",
        "%)",
        "0",
        "(0",
        "%)",
    ]


def test_a_report_needs_the_management_token(data: Path) -> None:
    number = opened(data, "fraud")
    token = load_token(data, "management-token")
    for command in (("list",), ("export",), ("export", "--format", "jsonl")):
        assert number not in run(*command).stdout
        assert number in run(*command, "--management-token", token).stdout
    for command in (("show", number), ("move", number, "acknowledge", "--who", "王")):
        refused = run(*command)
        assert (refused.exit_code, refused.stderr) == (2, f"there is no case {number}\n")
        assert run(*command, "--management-token", token).exit_code == 0
    wrong = run("list", "--management-token", "x")
    assert (wrong.exit_code, wrong.stderr) == (2, "wrong management token\n")
    assert stat.S_IMODE((data / "management-token").stat().st_mode) == 0o600


def test_a_case_reported_by_staff_disappears_for_them(data: Path) -> None:
    number = opened(data, branch="dalian")
    moved = run("move", number, "report", "--who", "王", "--why", "柜员挪用")
    assert moved.stdout == f"{number} is now confidential: only management can see it\n"
    assert run("show", number).exit_code == 2


def test_the_lines_are_shown_and_checked(data: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(lines.app, ["show"]).stdout
    assert "示例银行" in shown and "aid_dalian" in shown and "working days 08:30–17:30" in shown
    assert CliRunner().invoke(lines.app, ["check"]).stdout.endswith("lines.yaml: fine (10 lines, 10 rules)\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text((ROOT / "lines.yaml").read_text(encoding="utf-8").replace("to: called}", "to: heaven}", 1), "utf-8")
    refused = CliRunner().invoke(lines.app, ["check", str(mine)])
    assert refused.exit_code == 2 and refused.stderr.startswith(f"{mine}: rules.4.to: “heaven” is not a department")
    absent = CliRunner().invoke(lines.app, ["check", str(tmp_path / "none.yaml")])
    assert absent.exit_code == 2 and "none.yaml: cannot be read" in absent.stderr


def test_lines_without_a_roster_are_named(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rosters = tmp_path / "rosters.yaml"
    monkeypatch.setenv("HUIFANG_ROSTERS", str(rosters))
    ours = (ROOT / "rosters.yaml").read_text(encoding="utf-8")
    rosters.write_text(ours, "utf-8")
    assert CliRunner().invoke(lines.app, ["check"]).exit_code == 0
    rosters.write_text(ours.replace("aid_dalian:", "aid_harbour:"), "utf-8")
    refused = CliRunner().invoke(lines.app, ["check"])
    assert refused.exit_code == 2 and "lines.aid_dalian.roster: there is no line “aid_dalian”" in refused.stderr
    rosters.write_text("version: 2", "utf-8")
    assert "version" in CliRunner().invoke(lines.app, ["check"]).stderr


def test_a_verifying_call_that_was_rejected_as_unwanted_is_shown_as_such(data: Path) -> None:
    number = opened(data)
    asyncio.run(rejected(data, number))
    assert "(open, do-not-call proposed)" in run("show", number).stdout
    shown = CliRunner().invoke(calls.app, ["show", "call-1"]).stdout
    assert "(open, do-not-call proposed)" in shown


async def rejected(data: Path, number: str) -> None:
    """The case is put right, and its verifying call was rejected as unwanted."""
    rules = load(ROOT / "lines.yaml", ROOT / "calendar.yaml")
    records = await CallRecords.open(f"sqlite:///{data / 'records.sqlite'}", rules=rules)

    async def propose(session: AsyncSession) -> None:
        await session.execute(update(t.BookingRow).values(do_not_call_proposed=True))

    try:
        await work(CaseService(records.database, rules), number, TO_THE_REPLY)
        await records.database.write(propose)
    finally:
        await records.close()
