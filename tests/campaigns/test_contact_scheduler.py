"""Contacts in virtual time, on both databases: claimed by one node, settled by any, whoever dies in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import ZONE
from ivr.campaigns.campaign_service import CampaignService
from ivr.campaigns.contact_scheduler import ContactScheduler
from ivr.campaigns.do_not_call import DoNotCallList
from ivr.campaigns.project import DueContact
from ivr.campaigns.rules.attempt_policy import MAX_UNANSWERED, AttemptPolicy
from ivr.campaigns.rules.calling_hours import AllowedHours, CallingHours, Windows
from ivr.campaigns.rules.decision import Excluded, NextCall
from ivr.database import tables as t
from ivr.database.database import Database, Work
from ivr.records.call_records import CallRecords
from ivr.telephony.port import Call
from tests.campaigns.rules.strategies import HOURS, NARROWINGS, POLICIES
from tests.campaigns.town import (
    ANSWERED,
    CALENDAR,
    FINAL,
    MINUTE,
    TUESDAY,
    WAYS,
    FlowsInForce,
    Town,
    contact,
    number,
    passes,
    proposal,
    running,
)

pytestmark = pytest.mark.slow

T = TypeVar("T")
WEEK = timedelta(days=7)
Made = tuple[str, str, datetime, str]
"""A claimed call: project, number, time, what became of it."""


def nodes(records: CallRecords, count: int = 1) -> list[ContactScheduler]:
    return [ContactScheduler(records.database, CALENDAR, FlowsInForce()) for _ in range(count)]


def town(records: CallRecords, *fates: str) -> Town:
    """Every call goes as the script says, then as its last entry says for ever."""
    left = list(fates)
    return Town(records, lambda _: left.pop(0) if len(left) > 1 else left[0])


@pytest.mark.parametrize(
    ("fates", "ended", "calls"),
    [
        (["talks"], "reached", 1),
        (["hangs up"], "reached", 1),
        (["refuses"], "refused", 1),
        (["empty"], "empty_number", 1),
        (["unwanted"], "refused", 1),
        (["no answer"], "unreached", 3),
        (["busy"], "unreached", 3),
        (["busy at once"], "unreached", 3),
        (["switched off"], "unreached", 3),
        (["machine"], "unreached", 2),
        (["no answer", "busy", "machine"], "unreached", 3),
        (["congestion"] * 9 + ["talks"], "reached", 10),
        (["our fault", "talks"], "reached", 2),
        (["dies before the call"] * 5 + ["talks"], "reached", 1),
        (["dies during the call"] * 5 + ["talks"], "reached", 6),
        (["later", "talks"], "reached", 2),
        (["no answer", "no answer", "later", "talks"], "reached", 4),
        (["later"], "unreached", 4),
    ],
)
async def test_what_becomes_of_a_contact(records: CallRecords, fates: list[str], ended: str, calls: int) -> None:
    service = await running(records, [contact(1)])
    there = town(records, *fates)
    await passes(nodes(records, 2), there, TUESDAY, TUESDAY + 2 * WEEK)
    status = await service.status("回访")
    assert (status.ended, len(there.placed)) == ({ended: 1}, calls)
    assert (status.waiting, status.calling) == (0, 0)
    assert await service.complete_finished(TUESDAY + 2 * WEEK) == ("回访",)
    why = (await nodes(records)[0].why("回访", number(1), TUESDAY + 2 * WEEK)).decision
    assert isinstance(why, Excluded) and why.final


async def test_a_call_that_is_unwanted_puts_the_number_on_the_list_for_all_projects(records: CallRecords) -> None:
    await running(records, [contact(1)], name="甲")
    service = await running(records, [contact(1)], name="乙")
    there = town(records, "unwanted")
    await passes(nodes(records), there, TUESDAY, TUESDAY + WEEK, ("甲", "乙"))
    assert len(there.placed) == 1
    [entry] = await DoNotCallList(records.database).entries(number(1))
    assert (entry.source, entry.who) == ("network", "SIP 607")
    assert (await service.status("乙")).ended == {"do_not_call": 1}


async def test_a_wish_becomes_the_projects_own_promise(records: CallRecords) -> None:
    await running(records, [contact(1)], at=TUESDAY)
    there = town(records, "later", "talks")
    await passes(nodes(records), there, TUESDAY, TUESDAY + WEEK)
    assert there.placed == [(number(1), TUESDAY), (number(1), TUESDAY + timedelta(hours=29) + MINUTE)]
    [state] = await records.database.read(lambda session: _all(session, select(t.BookingRow.state)))
    assert state == "done", "the callback scheduler does not keep it a second time"


async def test_a_wish_outside_the_hours_is_kept_at_the_nearest_time_and_the_call_says_so(records: CallRecords) -> None:
    """Asked for at 17:00: a wish for 22:00 the next day, when the project no longer calls."""
    begin = TUESDAY.replace(hour=17)
    await running(records, [contact(1)], at=begin, hours={"working_days": ["09:00-18:00"]})
    [node] = nodes(records)
    there = town(records, "later", "talks")
    [due] = await node.claim("回访", 9, begin)
    assert due.missed_wish is None
    await there.rings(due, begin)
    await node.settle(begin + 5 * MINUTE)
    decision = (await node.why("回访", number(1), begin + 5 * MINUTE)).decision
    assert isinstance(decision, NextCall)
    assert decision.at == (begin + timedelta(days=1)).replace(hour=17, minute=45)
    [due] = await node.claim("回访", 9, decision.at)
    assert due.missed_wish == begin + timedelta(hours=29)


async def test_a_wish_comes_before_everybody_who_has_waited_longer(records: CallRecords) -> None:
    await running(records, [contact(index) for index in range(20)])
    [node] = nodes(records)
    there = town(records, "later")
    [due] = await node.claim("回访", 1, TUESDAY)
    await there.rings(due, TUESDAY)
    await node.settle(TUESDAY + 5 * MINUTE)
    [next_] = await node.claim("回访", 1, TUESDAY + timedelta(hours=29))
    assert next_.number == due.number


async def test_a_number_is_never_called_for_two_projects_at_a_time(records: CallRecords) -> None:
    await running(records, [contact(1)], name="甲")
    await running(records, [contact(1)], name="乙")
    [node] = nodes(records)
    assert len(await node.claim("甲", 9, TUESDAY)) == 1
    assert await node.claim("乙", 9, TUESDAY) == ()
    assert await node.claim("乙", 9, TUESDAY + 2 * MINUTE) == ()


async def test_nobody_is_called_while_on_another_call(records: CallRecords) -> None:
    await running(records, [contact(1)])
    incoming = Call("in-1", "asterisk", "inbound", number(1), "4001", "hotline", "zh-CN")
    await records.open_call(incoming, "v1", TUESDAY)
    assert await nodes(records)[0].claim("回访", 9, TUESDAY) == ()


async def test_six_unanswered_tries_a_day_are_the_limit_of_all_projects_together(records: CallRecords) -> None:
    names = ["甲", "乙", "丙", "丁"]
    for name in names:
        await running(records, [contact(1)], name=name)
    there = town(records, "no answer")
    begin = TUESDAY.replace(hour=9)
    await passes(nodes(records, 2), there, begin, begin + WEEK, names)
    times = [at for _, at in there.placed]
    assert len(times) == 3 * len(names)
    assert all(last - first >= timedelta(days=1) for first, last in zip(times, times[MAX_UNANSWERED:], strict=False))


async def test_nodes_that_claim_together_share_the_contacts(records: CallRecords) -> None:
    count = 120
    await running(records, [contact(index) for index in range(count)])
    await running(records, [contact(index) for index in range(count)], name="乙")

    async def claims(node: ContactScheduler, name: str) -> list[DueContact]:
        return [due for _ in range(5) for due in await node.claim(name, 20, TUESDAY)]

    shares = await asyncio.gather(*(claims(node, name) for node in nodes(records, 4) for name in ("回访", "乙")))
    called = [due.number for share in shares for due in share]
    assert sorted(called) == [number(index) for index in range(count)]
    assert len({due.call for share in shares for due in share}) == count


class TwiceRun(Database):
    """A database whose commits always seem to fail: each transaction is run again after it was committed."""

    async def write(self, work: Work[T]) -> T:
        await super().write(work)
        return await super().write(work)


async def test_a_transaction_that_is_run_again_changes_nothing(records: CallRecords, url: str) -> None:
    twice = TwiceRun(url, 5)
    node = ContactScheduler(twice, CALENDAR, FlowsInForce())
    service = CampaignService(twice, CALENDAR)
    await service.propose(proposal(), "王", TUESDAY)
    imported = await service.import_contacts("回访", [contact(1), contact(2)], "list.csv", "王", TUESDAY)
    await service.move("回访", "approve", "李", TUESDAY)
    await service.move("回访", "start", "王", TUESDAY)
    due = await node.claim("回访", 1, TUESDAY)
    assert (imported.imported, len(due)) == (2, 1)
    there = town(records, "busy")
    await there.rings(due[0], TUESDAY)
    await node.settle(TUESDAY + 2 * MINUTE)
    report = await node.why("回访", due[0].number, TUESDAY + 2 * MINUTE)
    assert [attempt.outcome for attempt in report.attempts] == ["busy"]
    status = await service.status("回访")
    assert (status.waiting, status.calling, status.attempts, len(status.steps)) == (2, 0, 1, 4)
    await twice.close()


async def test_nodes_that_race_for_a_number_keep_the_limit_of_all_projects(records: CallRecords) -> None:
    """Eight projects try the same two people every few minutes; four nodes claim at the same time."""
    names = [f"p{index}" for index in range(8)]
    limits = {"after": "1 min", "at_most": 9}
    attempts = {"max_attempts": 9, **dict.fromkeys(("busy", "no_answer", "unreachable", "machine"), limits)}
    for name in names:
        await running(records, [contact(1), contact(2)], name=name, attempts=attempts)
    claiming = nodes(records, 4)
    there = town(records, "busy")
    now = TUESDAY
    for _ in range(20):
        claims = (node.claim(name, 9, now) for node in claiming for name in names)
        due = [one for claimed in await asyncio.gather(*claims) for one in claimed]
        assert len(due) == len({one.number for one in due}), "never two calls at once to a number"
        for one in due:
            await there.rings(one, now)
        now += 4 * MINUTE
        await asyncio.gather(*(node.settle(now) for node in claiming))
    calls = Counter(called for called, _ in there.placed)
    assert calls == {number(1): MAX_UNANSWERED, number(2): MAX_UNANSWERED}


@settings(max_examples=10)
@given(
    plans=st.lists(st.tuples(HOURS, POLICIES), min_size=1, max_size=2),
    people=st.lists(
        st.tuples(st.sampled_from(["", "Asia/Urumqi", "Europe/Berlin"]), NARROWINGS), min_size=1, max_size=3
    ),
    fates=st.lists(st.sampled_from(WAYS), max_size=16),
    node_count=st.integers(1, 3),
    seed=st.integers(),
)
def test_whatever_happens_no_rule_is_broken_nobody_is_forgotten_or_called_twice(
    plans: list[tuple[CallingHours, AttemptPolicy]],
    people: list[tuple[str, Windows | None]],
    fates: list[str],
    node_count: int,
    seed: int,
) -> None:
    """Several projects have the same people on their lists; nodes are late and die; then nobody answers for ever."""
    asyncio.run(lives(plans, people, fates, node_count, Random(seed)))


async def lives(
    plans: list[tuple[CallingHours, AttemptPolicy]],
    people: list[tuple[str, Windows | None]],
    fates: list[str],
    node_count: int,
    random: Random,
) -> None:
    names = [f"p{index}" for index in range(len(plans))]
    begin = datetime(2026, 3, 2, 9, tzinfo=ZONE)
    end = begin + timedelta(days=90)
    made: list[Made] = []
    with TemporaryDirectory() as folder:
        records = await CallRecords.open(f"sqlite:///{Path(folder) / 'records.sqlite'}")
        contacts = [contact(index, zone, only) for index, (zone, only) in enumerate(people)]
        for name, (hours, policy) in zip(names, plans, strict=True):
            service = await running(records, contacts, begin, name, hours=hours, attempts=policy)
        left = list(fates)
        there = Town(records, lambda _: left.pop(0) if left else "no answer", on_call=lambda *one: made.append(one))

        def late() -> timedelta:
            return timedelta(minutes=random.choice([0, 1, 1, 5, 60, 900]))

        await passes(nodes(records, node_count), there, begin, end, names, late)
        statuses = [await service.status(name) for name in names]
        why = nodes(records)[0].why
        decisions = [
            (name, listed, (await why(name, listed.number, end)).decision) for name in names for listed in contacts
        ]
        rows = await records.database.read(lambda session: _all(session, select(t.AttemptRow)))
        counts = {
            (name, listed.number): sum(attempt.counted for attempt in (await why(name, listed.number, end)).attempts)
            for name in names
            for listed in contacts
        }
        await records.close()

    placed = [one for one in made if one[3] != "dies before the call"]
    allowed = {
        (name, listed.number): AllowedHours(
            hours, CALENDAR, ZoneInfo(listed.zone) if listed.zone else ZONE, listed.only
        )
        for name, (hours, _) in zip(names, plans, strict=True)
        for listed in contacts
    }
    for name, called, at, _ in placed:
        assert allowed[name, called].contains(at), "never outside the hours"
    for listed in contacts:
        times = [at for _, called, at, how in placed if called == listed.number]
        assert all(later - earlier >= MINUTE for earlier, later in pairwise(times)), "never two calls at once"
        unanswered = [at for _, called, at, how in placed if called == listed.number and how not in ANSWERED]
        for first, last in zip(unanswered, unanswered[MAX_UNANSWERED:], strict=False):
            assert last - first >= timedelta(days=1), "never more unanswered tries than the ceiling"
    for ways in _ways(made).values():
        ends = [how for how in ways if how in FINAL]
        assert not ends or ways.index(ends[0]) == len(ways) - 1, "never again after the end"
    for name, (_, policy) in zip(names, plans, strict=True):
        for listed in contacts:
            counted = counts[name, listed.number]
            assert counted <= policy.max_attempts, "never more attempts than the project allows"
    assert all(one.outcome is not None for one in rows), "every attempt is settled"
    for status in statuses:
        assert status.calling == 0
    for name, listed, decision in decisions:
        hopeless = allowed[name, listed.number].next_within(begin) is None
        assert hopeless or (isinstance(decision, Excluded) and decision.final), "every contact ends"


def _ways(made: list[Made]) -> dict[tuple[str, str], list[str]]:
    ways: dict[tuple[str, str], list[str]] = {}
    for name, called, _, how in made:
        ways.setdefault((name, called), []).append(how)
    return ways


async def _all(session: AsyncSession, query: Select[Any]) -> list[Any]:
    return list(await session.scalars(query))
