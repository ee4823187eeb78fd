"""Plans of projects: the example of the documentation, faults, and what is stored."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given

from ivr.campaigns.rules.attempt_policy import AttemptPolicy
from ivr.campaigns.rules.calling_hours import CallingHours
from ivr.campaigns.rules.plan import ProjectPlan, UnreadablePlan, parse, read_plan
from ivr.errors import FaultyFile
from tests.campaigns.rules.strategies import HOURS, POLICIES

DOCS = Path(__file__).parents[3] / "docs" / "campaigns.md"
SMALLEST = "name: 回访\ndepartment: 客服部\nflow: survey\npurpose: 满意度\n"


def test_the_example_of_the_documentation_states_the_defaults() -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    plan = parse(example[1], "plan.yaml")
    assert (plan.hours, plan.attempts) == (CallingHours(), AttemptPolicy())
    assert parse(SMALLEST, "plan.yaml").hours == CallingHours()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("hours: {working_days: [\"22:00-02:00\"]}", "plan.yaml:5: hours.working_days.0: .*must end after it begins"),
        ("hours: {working_days: []}", "plan.yaml:5: hours: .*nobody can be called"),
        ("hours: {weekends: []}", "plan.yaml:5: hours.weekends: "),
        ("attempts: {max_attempts: 0}", "plan.yaml:5: attempts.max_attempts: "),
        ("attempts: {busy: {after: soon, at_most: 1}}", "plan.yaml:5: attempts.busy.after: .*is not a duration"),
        ("last_day: 2026-12-01\nfirst_day: 2026-12-02", "last_day must not be before first_day"),
        ("owner: 王", "plan.yaml:5: owner: "),
    ],
)  # fmt: skip
def test_a_faulty_plan_is_refused_with_the_line(line: str, fault: str) -> None:
    with pytest.raises(FaultyFile, match=fault):
        parse(SMALLEST + line, "plan.yaml")


@given(hours=HOURS, attempts=POLICIES)
def test_a_plan_is_stored_and_read_again(hours: CallingHours, attempts: AttemptPolicy) -> None:
    plan = ProjectPlan(flow="survey", purpose="x", hours=hours, attempts=attempts, columns={"number": "电话"})
    assert read_plan(plan.stored()) == plan


@pytest.mark.parametrize("stored", [None, {}, {"flow": "survey", "purpose": "x", "hours": {"mon": ["1-2"]}}, "plan"])
def test_a_stored_plan_that_cannot_be_read_is_an_error(stored: object) -> None:
    with pytest.raises(UnreadablePlan, match="the project's plan cannot be read: "):
        read_plan(stored)
