"""The shipped configuration is consistent: flows, lines, rosters, site and prompts fit together."""

from __future__ import annotations

from datetime import UTC, datetime

from ivr.agents.roster import Rosters
from ivr.agents.roster_store import RosterStore, TransferTargets
from ivr.complaints.rulebook import load as load_rules
from ivr.complaints.rules.model import Lines
from ivr.flow import model
from ivr.flow.parse import parse
from ivr.prompts.catalog import load as load_catalog
from ivr.resource_files import ROOT
from ivr.telephony.asterisk.site import load_site

FLOWS = parse((ROOT / "callflows.yaml").read_text(encoding="utf-8"), "callflows.yaml").flows
SITE = load_site(ROOT / "dialplans" / "site.yaml")
ROSTER_STORE = RosterStore(ROOT / "rosters.yaml", SITE.phones)
ROSTERS: Rosters = ROSTER_STORE.rosters
LINES: Lines = load_rules(ROOT / "lines.yaml", ROOT / "calendar.yaml").lines
NAMED_ELSEWHERE = {"other_business", "no_branch"}
"""Answers that name none of the businesses and branches."""


def test_every_line_has_an_agent_on_duty_at_any_hour() -> None:
    for name, line in LINES.lines.items():
        for hour in range(24):
            assert ROSTERS.on_duty(line.roster, datetime(2026, 11, 24, hour, tzinfo=UTC)), name


def test_every_line_number_runs_the_flow_of_its_tier() -> None:
    for name, line in LINES.lines.items():
        assert SITE.lines[line.number].flow == ("hotline" if line.tier == "hotline" else "complaint"), name


def test_every_phone_of_the_site_has_an_agent_and_every_agent_a_line() -> None:
    assert {agent.phone for agent in ROSTERS.agents.values()} == set(SITE.phones)
    noon = datetime(2026, 11, 24, 4, tzinfo=UTC)
    assert all(ROSTERS.lines_of(agent, noon) for agent in ROSTERS.agents)


def test_every_line_has_a_whisper_with_its_name() -> None:
    catalog = load_catalog(ROOT / "prompts")
    assert {f"whisper.line.{line}" for line in ROSTERS.lines} <= catalog.prompts.keys()


def test_every_transfer_has_a_target() -> None:
    targets = TransferTargets(SITE.targets, ROSTER_STORE)
    transfers = [node for flow in FLOWS.flows.values() for node in flow.nodes.values()]
    assert all(node.target in targets for node in transfers if isinstance(node, model.TransferNode))


def test_the_answers_of_the_complaint_flow_are_ids_in_the_lines_file() -> None:
    for question, known in (("business", LINES.businesses), ("branch", LINES.branches)):
        node = FLOWS.flows["complaint"].nodes[question]
        assert isinstance(node, model.AskNode) and isinstance(node.answer, model.Choice)
        assert node.answer.values.keys() - known.keys() <= NAMED_ELSEWHERE


def test_the_cues_are_the_words_that_make_a_case_serious_or_a_report() -> None:
    node = FLOWS.flows["complaint"].nodes["what"]
    assert isinstance(node, model.RecordNode)
    assert set(node.spot["zh-CN"]) <= {cue for cues in LINES.cues.values() for cue in cues}
