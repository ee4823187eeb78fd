"""Projects on both databases: proposed, decided by another person, run, revised, each step in the audit."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from ivr.campaigns.campaign_service import CampaignService
from ivr.campaigns.contact_scheduler import ContactScheduler
from ivr.campaigns.do_not_call import DoNotCallList, RefusedLift
from ivr.campaigns.project import ImportResult, NameTaken, UnknownContact, UnknownProject
from ivr.campaigns.rules.decision import Excluded, NextCall, Rule
from ivr.campaigns.rules.project_life import RefusedProjectMove
from ivr.database import tables as t
from ivr.records.call_records import CallRecords
from tests.campaigns.town import CALENDAR, MINUTE, TUESDAY, FlowsInForce, contact, number, proposal, running


@pytest.fixture
def service(records: CallRecords) -> CampaignService:
    return CampaignService(records.database, CALENDAR)


def scheduler(records: CallRecords, flows: FlowsInForce | None = None) -> ContactScheduler:
    return ContactScheduler(records.database, CALENDAR, flows or FlowsInForce())


async def audit(service: CampaignService, name: str = "回访") -> list[tuple[str, str, str, int]]:
    return [(step.who, step.what, step.why, step.revision) for step in (await service.status(name)).steps]


async def test_a_project_is_proposed_approved_run_and_completed(service: CampaignService) -> None:
    await service.propose(proposal(), "王", TUESDAY)
    with pytest.raises(RefusedProjectMove, match="another person than 王"):
        await service.move("回访", "approve", "王", TUESDAY)
    for move, who in (("approve", "李"), ("start", "王"), ("pause", "赵"), ("resume", "赵"), ("complete", "王")):
        project = await service.move("回访", move, who, TUESDAY, why=f"{move}!")
    assert (project.state, project.department, project.proposed_by) == ("completed", "客服部", "王")
    assert await audit(service) == [
        ("王", "proposed", "维修后回访", 1),
        ("李", "approve", "approve!", 1),
        ("王", "start", "start!", 1),
        ("赵", "pause", "pause!", 1),
        ("赵", "resume", "resume!", 1),
        ("王", "complete", "complete!", 1),
    ]


async def test_a_rejected_project_keeps_the_suggested_channel(service: CampaignService) -> None:
    await service.propose(proposal(), "王", TUESDAY)
    project = await service.move("回访", "reject", "李", TUESDAY, why="太频繁", suggestion="短信")
    assert (project.state, project.suggestion) == ("rejected", "短信")
    with pytest.raises(RefusedProjectMove, match="rejected; possible now: nothing"):
        await service.move("回访", "start", "王", TUESDAY)
    with pytest.raises(RefusedProjectMove, match="the project is rejected"):
        await service.import_contacts("回访", [contact(1)], "list.csv", "王", TUESDAY)


async def test_commands_are_idempotent(service: CampaignService) -> None:
    for _ in range(2):
        await service.propose(proposal(), "王", TUESDAY)
        await service.move("回访", "approve", "李", TUESDAY)
        imported = await service.import_contacts("回访", [contact(1)], "list.csv", "王", TUESDAY)
        await service.revise("回访", proposal(flow="notice"), "王", "why", TUESDAY)
        assert imported == ImportResult(1, 0, ())
    assert [step[1] for step in await audit(service)] == ["proposed", "approve", "import", "revise"]
    with pytest.raises(NameTaken):
        await service.propose(proposal(), "李", TUESDAY)
    with pytest.raises(UnknownProject):
        await service.move("回防", "approve", "李", TUESDAY)


async def test_who_revises_a_proposal_does_not_approve_it(service: CampaignService) -> None:
    await service.propose(proposal(), "王", TUESDAY)
    await service.revise("回访", proposal(last_day="2026-12-31"), "李", "年底前", TUESDAY)
    with pytest.raises(RefusedProjectMove, match="another person than 李"):
        await service.move("回访", "approve", "李", TUESDAY)
    assert (await service.move("回访", "approve", "赵", TUESDAY)).revision == 2
    with pytest.raises(RefusedProjectMove, match="needs a reason"):
        await service.revise("回访", proposal(), "李", " ", TUESDAY + MINUTE)
    [step] = [step for step in (await service.status("回访")).steps if step.what == "revise"]
    assert step.details == {"changed": {"last_day": [None, "2026-12-31"]}}


async def test_an_import_skips_who_is_known_or_wants_no_calls(service: CampaignService, records: CallRecords) -> None:
    await service.propose(proposal(), "王", TUESDAY)
    await DoNotCallList(records.database).add(number(2), "customer", "call-9", "不要再打了", TUESDAY)
    await service.import_contacts("回访", [contact(1)], "a.csv", "王", TUESDAY)
    progress: list[int] = []
    result = await service.import_contacts(
        "回访", [contact(at) for at in range(1, 4)], "b.csv", "王", TUESDAY + MINUTE, progress.append
    )
    assert (result.imported, result.skipped) == (1, 2)
    assert result.skipped_lines == (
        (3, "the number is in the project already"),
        (4, "do not call since 2026-11-24 10:00 (source: customer, call-9): 不要再打了"),
    )
    assert progress == [3]
    status = await service.status("回访")
    assert (status.contacts, status.waiting, status.next_at) == (2, 2, TUESDAY)
    assert status.steps[-1].why == "1 contacts of b.csv, 2 skipped"


async def test_an_import_that_breaks_off_leaves_nothing_behind(records: CallRecords) -> None:
    service = CampaignService(records.database, CALENDAR)
    await service.propose(proposal(), "王", TUESDAY)

    def break_off(done: int) -> None:
        if done > 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await service.import_contacts("回访", [contact(at) for at in range(1500)], "x", "王", TUESDAY, break_off)
    status = await service.status("回访")
    assert (status.contacts, [step.what for step in status.steps]) == (0, ["proposed"])


async def test_lists_that_are_imported_together_share_the_contacts(records: CallRecords) -> None:
    service = CampaignService(records.database, CALENDAR)
    await service.propose(proposal(), "王", TUESDAY)
    lists = [[contact(index) for index in range(1200)], [contact(index) for index in reversed(range(600, 1800))]]
    results = await asyncio.gather(
        *(service.import_contacts("回访", each, "x.csv", who, TUESDAY) for each, who in zip(lists, "王李", strict=True))
    )
    assert sum(result.imported for result in results) == 1800
    assert sum(result.skipped for result in results) == 600
    assert all(list(result.skipped_lines) == sorted(result.skipped_lines) for result in results)


async def test_why_somebody_is_called_or_not(records: CallRecords) -> None:
    service = await running(records, [contact(1), contact(2)])
    contacts = scheduler(records)
    call = (await contacts.why("回访", "138 0000 0001", TUESDAY)).decision
    assert isinstance(call, NextCall) and call.at == TUESDAY
    await DoNotCallList(records.database).add(number(2), "person", "王", "来信", TUESDAY)
    unwilling = (await contacts.why("回访", number(2), TUESDAY)).decision
    assert isinstance(unwilling, Excluded) and unwilling.reason.rule is Rule.DO_NOT_CALL
    await service.move("回访", "pause", "王", TUESDAY)
    paused = (await contacts.why("回访", number(1), TUESDAY)).decision
    assert isinstance(paused, Excluded) and paused.reason.words == "the project is paused"
    with pytest.raises(UnknownProject, match="there is no project “回防”"):
        await contacts.claim("回防", 9, TUESDAY)
    with pytest.raises(UnknownContact):
        await contacts.why("回访", number(7), TUESDAY)


async def test_a_pause_stops_at_once(records: CallRecords) -> None:
    service = await running(records, [contact(1), contact(2)])
    contacts = scheduler(records)
    assert len(await contacts.claim("回访", 1, TUESDAY)) == 1
    await service.move("回访", "pause", "王", TUESDAY)
    assert await contacts.claim("回访", 9, TUESDAY) == ()
    await service.move("回访", "resume", "王", TUESDAY + MINUTE)
    assert len(await contacts.claim("回访", 9, TUESDAY)) == 1


async def test_a_project_whose_flow_was_removed_calls_nobody_and_says_so(records: CallRecords) -> None:
    await running(records, [contact(1)])
    without = scheduler(records, FlowsInForce(names=()))
    assert await without.claim("回访", 9, TUESDAY) == ()
    decision = (await without.why("回访", number(1), TUESDAY)).decision
    assert isinstance(decision, Excluded) and decision.reason.words == "there is no flow “survey”"
    assert len(await scheduler(records).claim("回访", 9, TUESDAY)) == 1


async def test_a_plan_that_cannot_be_read_fails_closed(records: CallRecords) -> None:
    service = await running(records, [contact(1)])
    broken = {**proposal().stored(), "hours": {"working_days": ["22:00-07:00"]}}
    await records.database.write(lambda session: session.execute(update(t.ProjectRevisionRow).values(plan=broken)))
    assert await scheduler(records).claim("回访", 9, TUESDAY) == ()
    decision = (await scheduler(records).why("回访", number(1), TUESDAY)).decision
    project = (await service.status("回访")).project
    assert isinstance(decision, Excluded) and decision.reason.words == project.fault
    assert project.plan is None and "plan cannot be read: hours.working_days.0" in project.fault


async def test_a_contacts_hours_that_cannot_be_read_fail_closed(records: CallRecords) -> None:
    await running(records, [contact(1), contact(2)])
    broken = update(t.ContactRow).where(t.ContactRow.number == number(1)).values(zone="Mars/Base")
    await records.database.write(lambda session: session.execute(broken))
    assert [due.number for due in await scheduler(records).claim("回访", 9, TUESDAY)] == [number(2)]
    decision = (await scheduler(records).why("回访", number(1), TUESDAY)).decision
    assert isinstance(decision, Excluded) and decision.reason.rule is Rule.CONTACT_FAULT


async def test_a_revision_applies_from_the_next_attempt(records: CallRecords) -> None:
    service = await running(records, [contact(1)], hours={"working_days": ["18:00-20:00"]})
    contacts = scheduler(records)
    assert await contacts.claim("回访", 9, TUESDAY) == ()
    await service.revise("回访", proposal(language="en-US"), "王", "白天也打", TUESDAY)
    [due] = await contacts.claim("回访", 9, TUESDAY)
    assert (due.language, (await service.status("回访")).project.revision) == ("en-US", 2)


async def test_completing_ends_every_contact(records: CallRecords) -> None:
    service = await running(records, [contact(1), contact(2)])
    assert await service.complete_finished(TUESDAY) == ()
    await service.move("回访", "complete", "王", TUESDAY)
    status = await service.status("回访")
    assert (status.waiting, status.ended) == (0, {"project_over": 2})


async def test_a_number_on_the_list_is_taken_off_only_by_a_person_with_a_reason(records: CallRecords) -> None:
    unwilling = DoNotCallList(records.database)
    assert await unwilling.add(number(1), "customer", "call-9", "不要再打了", TUESDAY)
    assert not await unwilling.add(number(1), "person", "王", "", TUESDAY)
    for who, why in (("", "客户来电"), ("王", " ")):
        with pytest.raises(RefusedLift, match="needs a person's name and a reason"):
            await unwilling.lift(number(1), who, why, TUESDAY)
    later = TUESDAY + timedelta(days=1)
    for _ in range(2):
        await unwilling.lift(number(1), "王", "客户来电同意", later)
    with pytest.raises(RefusedLift, match="not on the do-not-call list"):
        await unwilling.lift(number(1), "李", "x", later)
    assert await unwilling.add(number(1), "customer", "call-10", "", later)
    first, second = await unwilling.entries(number(1))
    assert (first.source, first.at, first.lifted_at, first.lifted_by) == ("customer", TUESDAY, later, "王")
    assert (second.who, second.lifted_at) == ("call-10", None)


async def test_many_people_may_act_at_the_same_time(records: CallRecords) -> None:
    service = CampaignService(records.database, CALENDAR)
    await service.propose(proposal(), "王", TUESDAY)

    async def approve(who: str) -> str:
        try:
            return (await service.move("回访", "approve", who, TUESDAY)).state
        except RefusedProjectMove:
            return "refused"

    outcomes = await asyncio.gather(*(approve(who) for who in ("李", "赵", "钱", "孙")))
    assert sorted(outcomes) == ["approved", "refused", "refused", "refused"]
