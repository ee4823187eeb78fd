"""`service.py campaign …`, as a proposer and an approver use it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ivr.cli import campaign

PLAN = """\
name: 回访
department: 客服部
flow: survey
purpose: 维修后回访
hours: {working_days: ["09:00-12:00", "14:00-20:00"]}
"""
LIST = "姓名,手机号,fee_unpaid,备注\n张三,138 1234 5678,true,x\n李四,0411-83612345,,\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan and a list, and a data folder."""
    monkeypatch.setenv("HUIFANG_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "list.csv").write_text(LIST, encoding="gb18030")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(campaign.app, list(arguments))


def printed(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def refused(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return result.stderr


def test_a_project_is_proposed_approved_and_run(folder: Path) -> None:
    assert printed("propose", "plan.yaml", "--who", "王", "--list", "list.csv") == [
        "回访 is proposed; possible now: approve, reject, revise",
        "columns not used: 备注",
        "2 contacts imported, 0 skipped",
    ]
    assert "another person than 王" in refused("approve", "回访", "--who", "王")
    assert printed("approve", "回访", "--who", "李") == ["回访 is approved; possible now: start, revise, complete"]
    assert printed("start", "回访", "--who", "王") == ["回访 is running; possible now: pause, revise, complete"]
    assert "not possible for a project that is running" in refused("start", "回访", "--who", "王")
    assert printed("pause", "回访", "--who", "王", "--why", "停电")[0].startswith("回访 is paused")
    assert printed("resume", "回访", "--who", "王")[0].startswith("回访 is running")
    shown = printed("status", "回访")
    assert shown[1:3] == ["2 contacts: 2 waiting, 0 being called; ended: none", "0 attempts, of which 0 count"]
    assert [line.split(": ", 1)[1] for line in shown if "revision 1" in line] == [
        "proposed: 维修后回访",
        shown[-5].split(": ", 1)[1],
        "approve",
        "start",
        "pause: 停电",
        "resume",
    ]
    assert "2 contacts of list.csv (SHA-256 " in shown[-5]
    assert "回访" in printed("status")[1] and "running" in printed("status")[1]
    assert printed("complete", "回访", "--who", "王") == ["回访 is completed; possible now: nothing"]


def test_a_rejection_suggests_another_channel(folder: Path) -> None:
    printed("propose", "plan.yaml", "--who", "王")
    assert run("reject", "回访", "--who", "李").exit_code == 2
    printed("reject", "回访", "--who", "李", "--suggest", "短信", "--why", "太频繁")
    assert "suggested instead: 短信" in printed("status", "回访")


def test_a_plan_with_faults_is_refused_with_their_lines(folder: Path) -> None:
    plan = folder / "plan.yaml"
    plan.write_text(PLAN.replace("20:00", "23:00") + "flows: survey\n", encoding="utf-8")
    faults = refused("propose", "plan.yaml", "--who", "王")
    assert "plan.yaml:5: hours.working_days.1: " in faults and "14:00-23:00 exceeds 08:00-22:00" in faults
    assert "plan.yaml:6: flows: " in faults
    plan.write_text(PLAN.replace("flow: survey", "flow: servey"), encoding="utf-8")
    assert refused("propose", "plan.yaml", "--who", "王").startswith("there is no flow “servey”; did you mean")
    plan.write_text(PLAN + "language: fr-FR\n", encoding="utf-8")
    assert refused("propose", "plan.yaml", "--who", "王").startswith("no flow speaks “fr-FR”")
    assert "cannot be read" in refused("propose", "nowhere.yaml", "--who", "王")
    assert printed("status") == printed("status")[:1]


def test_a_list_with_a_fault_imports_nothing(folder: Path) -> None:
    printed("propose", "plan.yaml", "--who", "王")
    (folder / "bad.csv").write_text(LIST + "王五,123,,\n赵六,13812345679,maybe,\n", encoding="utf-8")
    faults = refused("import", "回访", "bad.csv", "--who", "王").splitlines()
    assert [fault.split(": ")[:2] for fault in faults] == [["bad.csv:4", "手机号"], ["bad.csv:5", "fee_unpaid"]]
    assert "0 contacts" in "\n".join(printed("status", "回访"))
    (folder / "many.csv").write_text("电话\n" + "1\n" * 60, encoding="utf-8")
    many = refused("import", "回访", "many.csv", "--who", "王").splitlines()
    assert (len(many), many[-1]) == (51, "many.csv: and 10 more faults")
    assert "there is no project “回防”" in refused("import", "回防", "list.csv", "--who", "王")


def test_why_a_contact_is_called_or_not(folder: Path) -> None:
    printed("propose", "plan.yaml", "--who", "王", "--list", "list.csv")
    assert printed("why", "回访", "13812345678") == [
        "138 1234 5678 张三: not called now",
        "  project_state: the project is proposed",
    ]
    printed("approve", "回访", "--who", "李")
    printed("start", "回访", "--who", "王")
    first, *reasons = printed("why", "回访", "+86 138-1234-5678")
    assert first.startswith("138 1234 5678 张三: next call ")
    assert reasons[0] == "  first_attempt: the contact has not been called yet"
    assert "has no contact with this number" in refused("why", "回访", "13900000000")


def test_a_revision_replaces_the_plan(folder: Path) -> None:
    printed("propose", "plan.yaml", "--who", "王")
    (folder / "plan.yaml").write_text(PLAN + "attempts: {max_attempts: 2}\n", encoding="utf-8")
    printed("revise", "plan.yaml", "--who", "赵", "--why", "两次足够")
    assert any("revision 2 赵: revise: 两次足够" in line for line in printed("status", "回访"))
    assert "another person than 赵" in refused("approve", "回访", "--who", "赵")


def test_the_do_not_call_list_keeps_its_history(folder: Path) -> None:
    add = ("dnc", "add", "138 1234 5678", "--who", "王", "--why", "来信", "--source", "customer")
    assert printed(*add) == ["138 1234 5678 is not called any more"]
    assert printed(*add) == ["138 1234 5678 is on the list already"]
    printed("propose", "plan.yaml", "--who", "王")
    imported = printed("import", "回访", "list.csv", "--who", "王")
    assert imported[-1] == "1 contacts imported, 1 skipped"
    assert imported[1].startswith("list.csv:2: skipped: do not call since ")
    assert "needs a person's name and a reason" in refused("dnc", "lift", "13812345678", "--who", "李", "--why", " ")
    printed("dnc", "lift", "13812345678", "--who", "李", "--why", "客户来电同意")
    first, last = printed("dnc", "show", "13812345678")
    assert "customer, 王: 来信; lifted on" in first and first.endswith("by 李: 客户来电同意")
    assert last == "138 1234 5678 is not on the list"
    assert "is not a telephone number" in refused("dnc", "add", "不要", "--who", "王")
