"""SLA sweeps: each alarm once, on any number of nodes and through restarts; the outbox is delivered."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.calendar import ZONE
from ivr.complaints.case_queries import CaseFilter, CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rules.intake import Rules
from ivr.complaints.sla_worker import BATCH_SIZE, SlaWorker
from ivr.database import tables as t
from ivr.live.feed_event import FeedEvent
from ivr.records.call_records import CallRecords
from tests.complaints.people import TO_THE_REPLY, TUESDAY, after, complain, duplicate_case, work

pytestmark = pytest.mark.slow

UNTOUCHED = ["registered", "reported", "warned", "escalated", "warned", "warned", "escalated"]
"""The history of an untouched case of an assistance line."""


class RecordingFeed:
    """A feed that records its events after failing `fails` times."""

    def __init__(self, fails: int = 0) -> None:
        self.published: list[FeedEvent] = []
        self._fails = fails

    async def publish(self, event: FeedEvent) -> None:
        if self._fails:
            self._fails -= 1
            raise OSError("the feed is away")
        self.published.append(event)


@pytest.fixture
def worker(records: CallRecords, rules: Rules) -> SlaWorker:
    return SlaWorker(records.database, rules)


@pytest.fixture
def queries(records: CallRecords) -> CaseQueries:
    return CaseQueries(records.database)


async def history(queries: CaseQueries, number: str) -> list[str]:
    return [step.what for step in (await queries.case(number, "management")).steps]


async def test_an_untouched_case_raises_warnings_and_escalates_tier_by_tier(
    records: CallRecords, worker: SlaWorker, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    tiers = []
    for hours in (1, 1.5, 2, 3, 119, 120, 140, 144, 500):
        await worker.sweep(after(hours=hours))
        tiers.append((await queries.case(number, "staff")).case.tier)
    assert tiers == ["assistance"] * 2 + ["supervision"] * 5 + ["management"] * 2
    file = await queries.case(number, "staff")
    assert [step.what for step in file.steps] == UNTOUCHED
    assert [step.why for step in file.steps[2:]] == [
        "contact is due on 2026-11-24 12:00",
        "contact was due on 2026-11-24 12:00; to supervision (R10)",
        "reply is due on 2026-11-30 10:00",
        "reply is due on 2026-11-30 10:00",
        "reply was due on 2026-11-30 10:00; to management (R10)",
    ]
    assert file.case.responsible == "hotline"


async def test_one_late_sweep_catches_up(records: CallRecords, worker: SlaWorker, queries: CaseQueries) -> None:
    number = await complain(records, branch="dalian")
    raised = await worker.sweep(after(days=30))
    assert [one.number for one in raised] == [number] * 5
    assert await history(queries, number) == UNTOUCHED


async def test_a_case_handled_in_time_raises_no_alarm(
    records: CallRecords, worker: SlaWorker, rules: Rules, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    await work(CaseService(records.database, rules), number, TO_THE_REPLY, after(hours=1))
    assert await worker.sweep(after(days=30)) == ()
    assert (await queries.case(number, "staff")).case.line == "aid_dalian"


async def test_a_breach_found_late_is_recorded_without_escalating_a_finished_case(
    records: CallRecords, worker: SlaWorker, rules: Rules, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    await work(CaseService(records.database, rules), number, TO_THE_REPLY, after(hours=3))
    await worker.sweep(after(hours=4))
    assert (await history(queries, number))[-2:] == ["warned", "breached"]
    assert (await queries.case(number, "staff")).case.line == "aid_dalian"


async def test_several_nodes_raise_each_alarm_once(
    url: str, rules: Rules, queries: CaseQueries, records: CallRecords
) -> None:
    numbers = [await complain(records, call=f"call-{n}", branch="dalian") for n in range(1, 13)]
    nodes = [await CallRecords.open(url, node=f"node-{n}") for n in range(3)]
    for now in (after(hours=2), after(days=10)):
        await asyncio.gather(*(SlaWorker(node.database, rules).sweep(now) for node in (*nodes, *nodes)))
    for node in nodes:
        await node.close()
    # A node leaves a case that another node has locked; no case is left over at the end.
    assert await SlaWorker(records.database, rules).sweep(after(days=10)) == ()
    for number in numbers:
        assert await history(queries, number) == UNTOUCHED


async def test_an_interrupted_sweep_leaves_the_rest_to_the_next_one(
    url: str, rules: Rules, records: CallRecords, queries: CaseQueries
) -> None:
    number = await complain(records, branch="dalian")
    dying = await CallRecords.open(url)
    for steps in range(0, 40, 4):
        sweep = asyncio.create_task(SlaWorker(dying.database, rules).sweep(after(days=30)))
        for _ in range(steps):
            await asyncio.sleep(0.001)
        sweep.cancel()
        await asyncio.gather(sweep, return_exceptions=True)
    await dying.close()
    await SlaWorker(records.database, rules).sweep(after(days=30))
    assert await history(queries, number) == UNTOUCHED


async def test_a_sweep_covers_more_cases_than_one_transaction_takes(records: CallRecords, worker: SlaWorker) -> None:
    number, count = await complain(records, branch="dalian"), 2 * BATCH_SIZE + 1
    await records.database.write(lambda session: duplicate_case(session, number, count - 1))
    raised = await worker.sweep(after(hours=2))
    assert Counter(one.alarm.kind for one in raised) == {"warning": count, "breach": count}


async def test_cases_opened_without_rules_are_routed_by_the_next_sweep(
    url: str, worker: SlaWorker, queries: CaseQueries
) -> None:
    plain = await CallRecords.open(url)
    number = await complain(plain, business="ebank")
    await plain.close()
    assert (await worker.route_unrouted(), await worker.route_unrouted()) == (1, 0)
    file = await queries.case(number, "staff")
    assert (file.case.line, file.case.contact_due) == ("aid_ebank", after(hours=2))
    assert [step.what for step in file.steps] == ["registered", "reported"]


async def test_each_step_is_published_once_in_order(records: CallRecords, worker: SlaWorker) -> None:
    feed = RecordingFeed()
    number = await complain(records, branch="dalian", phone="13812345678")
    await worker.deliver_outbox(feed, RecordingFeed(), after)
    await worker.sweep(after(hours=2))
    await worker.deliver_outbox(feed, RecordingFeed(), after)
    assert await worker.deliver_outbox(feed, RecordingFeed(), after) == 0
    assert [event.data["what"] for event in feed.published] == UNTOUCHED[:4]
    assert len({event.id for event in feed.published}) == 4
    registered = {
        "what": "registered", "kind": "complaint", "state": "registered", "grade": "general", "tier": "assistance",
        "owner": "dalian",
    }  # fmt: skip
    assert feed.published[0] == FeedEvent(
        feed.published[0].id, "case", TUESDAY, call="call-1", line="aid_dalian", case=number, data=registered
    )


async def test_a_step_that_an_early_version_wrote_without_an_id_is_published(
    records: CallRecords, worker: SlaWorker
) -> None:
    await complain(records, branch="dalian")

    async def forget_ids(session: AsyncSession) -> None:
        for entry in await session.scalars(select(t.OutboxRow)):
            entry.event = {name: value for name, value in entry.event.items() if name != "id"}

    await records.database.write(forget_ids)
    feed = RecordingFeed()
    await worker.deliver_outbox(feed, RecordingFeed(), after)
    assert [(event.id, event.data["what"]) for event in feed.published] == [
        ("outbox-1", "registered"), ("outbox-2", "reported"),
    ]  # fmt: skip


async def test_events_wait_while_the_feed_is_away(records: CallRecords, worker: SlaWorker) -> None:
    feed = RecordingFeed(fails=1)
    await complain(records, branch="dalian")
    with pytest.raises(OSError, match="away"):
        await worker.deliver_outbox(feed, RecordingFeed(), after)
    assert await worker.deliver_outbox(feed, RecordingFeed(), after) == 2 and len(feed.published) == 2


class SlowFeed(RecordingFeed):
    """A feed during whose publishing other tasks run; after `dies_after` events, the publishing task is cancelled."""

    def __init__(self, dies_after: int = 1_000_000) -> None:
        super().__init__()
        self._left = dies_after

    async def publish(self, event: FeedEvent) -> None:
        await asyncio.sleep(0.001)
        if not self._left:
            raise asyncio.CancelledError
        self._left -= 1
        await super().publish(event)


async def test_several_nodes_publish_each_step_once_in_order(url: str, rules: Rules, records: CallRecords) -> None:
    for n in range(1, 2 * BATCH_SIZE):
        await complain(records, call=f"call-{n}", branch="dalian")
    nodes, feed = [await CallRecords.open(url, node=f"node-{n}") for n in range(3)], SlowFeed()
    workers = [SlaWorker(node.database, rules) for node in nodes]
    counts = await asyncio.gather(*(worker.deliver_outbox(feed, RecordingFeed(), after) for worker in workers))
    assert sum(counts) == len(feed.published) == 2 * (2 * BATCH_SIZE - 1)
    assert [(event.call, event.data["what"]) for event in feed.published] == [
        (f"call-{n}", what) for n in range(1, 2 * BATCH_SIZE) for what in ("registered", "reported")
    ]
    for node in nodes:
        await node.close()


async def test_another_node_publishes_the_events_of_a_dead_one_with_the_same_ids(
    url: str, rules: Rules, records: CallRecords, worker: SlaWorker
) -> None:
    for n in range(1, 4):
        await complain(records, call=f"call-{n}", branch="dalian")
    dying, incomplete = await CallRecords.open(url, node="dying"), SlowFeed(dies_after=3)
    with pytest.raises(asyncio.CancelledError):
        await SlaWorker(dying.database, rules).deliver_outbox(incomplete, RecordingFeed(), after)
    await dying.close()
    feed = RecordingFeed()
    assert await worker.deliver_outbox(feed, RecordingFeed(), lambda: after(seconds=29)) == 0
    assert await worker.deliver_outbox(feed, RecordingFeed(), lambda: after(seconds=30)) == 6
    assert [event.id for event in feed.published[:3]] == [event.id for event in incomplete.published]
    assert len({event.id for event in feed.published}) == 6


async def test_sweeps_continue_after_a_failure(records: CallRecords, rules: Rules, queries: CaseQueries) -> None:
    number, feed = await complain(records, branch="dalian"), RecordingFeed(fails=1)
    keeping = asyncio.create_task(SlaWorker(records.database, rules).run(feed, RecordingFeed(), lambda: after(hours=2)))
    async with asyncio.timeout(30):
        while len(feed.published) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert await history(queries, number) == UNTOUCHED[:4]


OPENED = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 20), timezones=st.just(ZONE))  # noqa: DTZ001
HOURS = st.lists(st.integers(0, 600), max_size=8)


@settings(max_examples=15)
@given(opened=st.lists(OPENED, min_size=1, max_size=4), hours=HOURS)
def test_each_alarm_is_raised_once_through_any_restarts(
    tmp_path_factory: pytest.TempPathFactory, rules: Rules, opened: list[datetime], hours: list[int]
) -> None:
    """Each sweep is by a new process on the same database; the last one comes much later."""

    async def live() -> list[list[str]]:
        url = f"sqlite:///{tmp_path_factory.mktemp('cases') / 'records.db'}"
        records = await CallRecords.open(url, rules=rules)
        for n, at in enumerate(opened, 1):
            await complain(records, call=f"call-{n}", at=at, branch="dalian")
        await records.close()
        for hour in [*sorted(hours), 24 * 60]:
            node = await CallRecords.open(url)
            await SlaWorker(node.database, rules).sweep(min(opened) + timedelta(hours=hour))
            await node.close()
        node = await CallRecords.open(url)
        await SlaWorker(node.database, rules).sweep(max(opened) + timedelta(days=60))
        queries = CaseQueries(node.database)
        cases = [case.number async for case in queries.all(CaseFilter(), "staff")]
        histories = [await history(queries, number) for number in cases]
        await node.close()
        return histories

    assert asyncio.run(live()) == [UNTOUCHED] * len(opened)
