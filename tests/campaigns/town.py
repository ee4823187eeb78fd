"""A project in virtual time: people's telephones, and nodes that call them and may die at any step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import BookCallback
from ivr.calendar import ZONE, Calendar
from ivr.campaigns.campaign_service import CampaignService
from ivr.campaigns.contact_list.contacts import ListedContact
from ivr.campaigns.contact_scheduler import ContactScheduler
from ivr.campaigns.project import DueContact
from ivr.campaigns.rules.calling_hours import Windows
from ivr.campaigns.rules.plan import Proposal
from ivr.database import tables as t
from ivr.events import NothingHeard
from ivr.lifecycle import Disposition
from ivr.records.call_records import CallRecords
from ivr.telephony.port import Call

CALENDAR = Calendar()
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=ZONE)
MINUTE = timedelta(minutes=1)

UNANSWERED = {
    "no answer": (Disposition.NO_ANSWER, "no_answer", True),
    "busy": (Disposition.BUSY, "busy", True),
    "busy at once": (Disposition.BUSY, "busy", False),
    "switched off": (Disposition.UNREACHABLE, "unreachable", False),
    "empty": (Disposition.UNREACHABLE, "unallocated", False),
    "congestion": (Disposition.FAILED, "congestion", False),
    "unwanted": (Disposition.REFUSED, "unwanted", True),
    "machine": (Disposition.MACHINE, "normal", False),
}
"""Disposition, hangup cause, whether it rang."""
ANSWERED = {
    "talks": Disposition.COMPLETED,
    "hangs up": Disposition.BREAKOFF,
    "refuses": Disposition.REFUSED,
    "our fault": Disposition.FAILED,
    "later": Disposition.CALLBACK_BOOKED,
}
DEATHS = ("dies before the call", "dies during the call")
WAYS = (*UNANSWERED, *ANSWERED, *DEATHS)
"""What may become of an attempt."""
FINAL = ("talks", "hangs up", "refuses", "empty", "unwanted")


@dataclass(frozen=True)
class FlowsInForce:
    """The flows that exist."""

    names: tuple[str, ...] = ("survey",)
    languages: tuple[str, ...] = ("zh-CN", "en-US")

    def has(self, flow: str, language: str) -> bool:
        return flow in self.names and language in self.languages


def proposal(name: str = "回访", **plan: object) -> Proposal:
    given = {"name": name, "department": "客服部", "flow": "survey", "purpose": "维修后回访", **plan}
    return Proposal.model_validate(given)


def number(index: int) -> str:
    return f"+86138{index:08}"


def contact(index: int, zone: str = "", only: Windows | None = None, **variables: str) -> ListedContact:
    return ListedContact(index + 2, number(index), "mobile", f"客户{index}", "", zone, only, variables)


async def running(
    records: CallRecords, contacts: Sequence[ListedContact], at: datetime = TUESDAY, name: str = "回访", **plan: object
) -> CampaignService:
    """A project that was proposed by 王, approved by 李, and started."""
    service = CampaignService(records.database, CALENDAR)
    await service.propose(proposal(name, **plan), "王", at)
    await service.import_contacts(name, contacts, "list.csv", "王", at)
    await service.move(name, "approve", "李", at)
    await service.move(name, "start", "王", at)
    return service


@dataclass
class Town:
    """People's telephones: each call goes as `fate` says. `placed` are the calls that reached the network."""

    records: CallRecords
    fate: Callable[[DueContact], str]
    placed: list[tuple[str, datetime]] = field(default_factory=list)
    rang: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    """Calls whose node has died; another node closes their records."""
    on_call: Callable[[str, str, datetime, str], None] = lambda *_: None
    """Is told of each claimed call: project, number, time, what becomes of it."""

    async def rings(self, due: DueContact, now: datetime) -> str:
        """Place a call, and end it a minute later; return what became of it."""
        how = self.fate(due)
        self.on_call(due.project, due.number, now, how)
        if how == "dies before the call":
            return how
        self.placed.append((due.number, now))
        call = Call(due.call, "asterisk", "outbound", "", due.number, due.flow, due.language, due.variables)
        await self.records.open_call(call, "v1", now)
        if how == "dies during the call":
            self.open.append(due.call)
            return how
        end = now + MINUTE
        if how in UNANSWERED:
            disposition, cause, rang = UNANSWERED[how]
            if rang or how == "machine":
                self.rang.append(due.number)
            await self.records.close_call(due.call, disposition, cause, "network", end, rang=rang)
            return how
        self.rang.append(due.number)
        await self.records.answer_call(due.call, now)
        if how == "later":
            wish = BookCallback(at=(now + timedelta(hours=29)).isoformat(), spoken="明天")
            await self.records.save_turn(due.call, 1, NothingHeard("1"), [wish], [], now)
        await self.records.close_call(due.call, ANSWERED[how], "normal", "caller", end)
        return how

    async def recovers(self, now: datetime) -> None:
        """Another node closes the records of calls whose node has died."""
        for call in self.open:
            await self.records.close_call(call, Disposition.FAILED, "failed", "us", now)
        self.open.clear()


async def passes(
    nodes: Sequence[ContactScheduler],
    town: Town,
    begin: datetime,
    end: datetime,
    projects: Sequence[str] = ("回访",),
    late: Callable[[], timedelta] = lambda: MINUTE,
) -> None:
    """Time passes: whenever something is due, a node, `late`, settles what is over, and calls who is to be called."""
    now, turn = begin, 0
    while now < end:
        node = nodes[turn % len(nodes)]
        await town.recovers(now)
        await node.settle(now)
        for project in projects:
            for due in await node.claim(project, 50, now):
                await town.rings(due, now)
        now, turn = await _next_event(town.records, now) + late(), turn + 1
    await town.recovers(end)
    await nodes[0].settle(end + timedelta(minutes=5))


async def _next_event(records: CallRecords, now: datetime) -> datetime:
    """Return when a contact is looked at next; soon, if an attempt is not settled."""

    async def work(session: AsyncSession) -> datetime:
        if await session.scalar(select(t.AttemptRow.id).where(t.AttemptRow.outcome.is_(None)).limit(1)) is not None:
            return now + MINUTE
        earliest = await session.scalar(select(func.min(t.ContactRow.next_at)))
        return max(earliest, now) if earliest else now + timedelta(days=1)

    return await records.database.read(work)
