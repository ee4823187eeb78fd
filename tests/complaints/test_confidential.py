"""Reports of fraud and misconduct (R18): management sees them, and for everybody else they are not there."""

from __future__ import annotations

import pytest

from ivr.complaints.case import UnknownCase
from ivr.complaints.desk import Desk
from ivr.complaints.files import Files, Wanted
from ivr.complaints.intake import Rules
from ivr.complaints.life import RefusedMove
from ivr.complaints.rounds import Rounds
from ivr.records.store import Records
from tests.complaints.people import TO_THE_REPLY, after, complain, work
from tests.complaints.test_rounds import Listener


@pytest.fixture
def desk(records: Records, rules: Rules) -> Desk:
    return Desk(records.database, rules)


@pytest.fixture
def files(records: Records) -> Files:
    return Files(records.database)


async def seen(files: Files) -> list[str]:
    """What everybody sees."""
    listed = await files.cases(Wanted(), "staff", 100)
    assert [case.number async for case in files.all(Wanted(), "staff")] == [case.number for case in listed]
    return [case.number for case in listed]


async def nobody_else_sees(number: str, records: Records, desk: Desk, files: Files) -> bool:
    with pytest.raises(UnknownCase):
        await files.case(number, "staff")
    with pytest.raises(UnknownCase):
        await files.cases(Wanted(), "staff", 5, before=number)
    with pytest.raises(UnknownCase):
        await desk.move(number, "acknowledge", "王", "", after(hours=1))
    with pytest.raises(UnknownCase):
        await desk.regrade(number, "serious", "王", "因为", after(hours=1))
    return number not in await seen(files) and not (await records.call("call-1")).cases


@pytest.mark.parametrize("details", [{"kind": "fraud"}, {"kind": "complaint", "what": "经理收回扣"}])
async def test_a_report_is_seen_by_management_alone(
    records: Records, desk: Desk, files: Files, details: dict[str, str]
) -> None:
    number = await complain(records, **details, branch="dalian")  # type: ignore[arg-type]
    other = await complain(records, call="call-2", branch="dalian")
    assert await nobody_else_sees(number, records, desk, files)
    assert await seen(files) == [other]
    assert [case.number for case in await files.cases(Wanted(), "management", 9)] == [other, number]
    file = await files.case(number, "management")
    assert (file.case.owner, file.case.line, file.case.article, file.case.kind) == ("management", None, "R18", "fraud")
    assert [step.what for step in file.steps] == ["registered"]


async def test_it_is_not_told_to_the_feed_nor_watched_by_the_clocks(records: Records, rules: Rules, desk: Desk) -> None:
    await complain(records, "fraud", branch="dalian")
    rounds, feed = Rounds(records.database, rules), Listener()
    assert await rounds.sweep(after(days=30)) == ()
    assert (await rounds.tell(feed), feed.heard) == (0, [])


async def test_it_is_hidden_before_it_is_routed(url: str, records: Records, desk: Desk, files: Files) -> None:
    plain = await Records.open(url)
    number = await complain(plain, "fraud")
    await plain.close()
    assert await nobody_else_sees(number, records, desk, files)


async def test_words_of_misconduct_hide_a_case_as_soon_as_somebody_touches_it(
    url: str, records: Records, rules: Rules, desk: Desk, files: Files
) -> None:
    plain = await Records.open(url)
    number = await complain(plain, what="经理收回扣")
    await plain.close()
    with pytest.raises(UnknownCase):
        await desk.move(number, "acknowledge", "王", "", after(hours=1))
    assert await Rounds(records.database, rules).admit() == 1
    assert await nobody_else_sees(number, records, desk, files)


async def test_a_case_that_turns_out_to_be_misconduct_vanishes_for_who_reports_it(
    records: Records, desk: Desk, files: Files
) -> None:
    number = await complain(records, branch="dalian")
    await work(desk, number, TO_THE_REPLY[:4])
    assert await desk.move(number, "report", "王", "柜员挪用", after(hours=1)) is None
    assert await nobody_else_sees(number, records, desk, files)
    file = await files.case(number, "management")
    assert (file.case.kind, file.case.owner, file.case.contact_due, file.case.reply_due) == (
        "fraud", "management", None, None,
    )  # fmt: skip
    assert (file.steps[-1].what, file.steps[-1].why) == ("report", "柜员挪用")
    assert [call.state for call in file.verifying_calls] == ["cancelled"]


async def test_management_leads_it_through_its_life(records: Records, desk: Desk, files: Files) -> None:
    number = await complain(records, "fraud")
    for move in (*TO_THE_REPLY, "verify", "archive"):
        await desk.move(number, move, "行长", "", after(hours=1), handler="行长", role="management")
    file = await files.case(number, "management")
    assert (file.case.state, file.verifying_calls) == ("archived", ())
    with pytest.raises(RefusedMove):
        await desk.move(number, "reopen", "行长", "因为", after(hours=2), role="management")
    assert await seen(files) == []
