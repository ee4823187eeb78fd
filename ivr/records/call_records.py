"""The permanent records of all calls: what happened on each one. Must not know: flows, networks, who reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Final, Self

from sqlalchemy import literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ivr.actions import CaseKey, Fact
from ivr.complaints.case_lookup import find_case
from ivr.complaints.case_service import CaseService
from ivr.complaints.rules.case import CaseStatus, ReaderRole
from ivr.complaints.rules.intake import Rules
from ivr.database import tables as t
from ivr.database.database import Database
from ivr.database.errors import UnknownCall
from ivr.database.tables import UtcTime
from ivr.database.upsert import insert_once
from ivr.errors import IllegalMove
from ivr.events import EndedBy, Event
from ivr.lifecycle import AAPOR, HANGUP_CAUSES, Disposition
from ivr.phone_number import canonical_number, parse_number
from ivr.records import reading
from ivr.records.facts import write_fact
from ivr.records.record import CallRecord, CallSummary, CustomerRecord
from ivr.telephony.port import Call
from ivr.transcript import TranscriptLine

RETRY_TIMEOUT_S: Final = 5.0
"""How long a transaction is retried while the database is unavailable; the caller waits for the next question."""


class CallRecords:
    """The records of all calls. Safe for concurrent use, one per process; times have a zone, and are UTC when read.

    Every write is one idempotent transaction: the same write again changes nothing. All methods raise
    RecordsUnavailable when the database stays unavailable for longer than `retry_timeout_s`.
    """

    def __init__(self, database: Database, node: str, rules: Rules | None) -> None:
        self._database = database
        self._node = node
        self._rules = rules

    @classmethod
    async def open(
        cls, url: str, node: str = "", retry_timeout_s: float = RETRY_TIMEOUT_S, *, rules: Rules | None = None
    ) -> Self:
        """Open `sqlite:///FILE` or `postgresql://HOST/NAME` and migrate its tables. `node` names this process.

        Cases are routed by `rules` when they are opened; without rules, by the next sweep of a service that has them.

        Raises:
            RecordsUnavailable: the database cannot be used.
        """
        return cls(await Database.open(url, retry_timeout_s), node, rules)

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()

    async def ping(self) -> None:
        """Check that the database responds."""

        async def work(session: AsyncSession) -> None:
            await session.execute(select(1))

        await self._database.read(work)

    @property
    def database(self) -> Database:
        """The database, for other stores that share it."""
        return self._database

    async def open_call(self, call: Call, flow_version: str, at: datetime) -> None:
        """Record the start of a call (ringing or dialling); its customer is identified by the remote number.

        Numbers are recorded in their canonical form, except the number that an inbound call was made to.
        """
        caller = canonical_number(call.caller)
        called = call.called if call.direction == "inbound" else canonical_number(call.called)

        async def work(session: AsyncSession) -> None:
            customer = None
            if number := caller if call.direction == "inbound" else called:
                await insert_once(session, t.CustomerRow, number=number, name="", language=call.language)
                customer = await session.scalar(select(t.CustomerRow.id).where(t.CustomerRow.number == number))
            await insert_once(
                session,
                t.CallRow,
                id=call.id,
                customer_id=customer,
                network=call.network,
                external_id=call.external_id or None,
                direction=call.direction,
                caller=caller,
                called=called,
                flow=call.flow,
                flow_version=flow_version,
                language=call.language,
                variables=dict(call.variables),
                node=self._node,
                turn=0,
                started_at=at,
            )

        await self._database.write(work)

    async def answer_call(self, call_id: str, at: datetime, external_id: str = "") -> None:
        """Record that the call was answered; only the first time is stored.

        `external_id` is the id under which the network knows the call, if it was unknown when the call was opened.

        Raises:
            UnknownCall: the call was never opened.
            IllegalMove: the call has ended.
        """

        async def work(session: AsyncSession) -> None:
            call = await _lock_call(session, call_id)
            if call.answered_at is None:
                _require_open(call)
                call.answered_at = at
                call.external_id = external_id or call.external_id

        await self._database.write(work)

    async def save_turn(
        self,
        call_id: str,
        turn: int,
        event: Event,
        facts: Sequence[Fact],
        lines: Sequence[TranscriptLine],
        at: datetime,
        *,
        late: bool = False,
    ) -> None:
        """Save a turn atomically: the event that led to it, its facts and its transcript lines. Idempotent.

        A `late` turn is also saved after the end of the call, which a sweep may have recorded while the call's own node
        could not write. If the sweep has used its number, the turn takes the next free one.

        Raises:
            UnknownCall: the call was never opened.
            IllegalMove: the call has ended, and the turn is not late.
        """

        async def work(session: AsyncSession) -> None:
            call = await _lock_call(session, call_id)
            stored = reading.EVENTS.dump(event)
            number = await _turn_number(session, call_id, turn, stored, at)
            if number is None:
                return
            if not late:
                _require_open(call)
            session.add(t.TurnRow(call_id=call_id, turn=number, event=stored, node=self._node, at=at))
            call.turn, call.node = max(call.turn, number), self._node
            for fact in facts:
                await write_fact(session, call, number, fact, at, self._rules)
            for position, line in enumerate(lines):
                session.add(
                    t.TranscriptLineRow(
                        call_id=call_id,
                        turn=number,
                        position=position,
                        who=line.who,
                        text=line.text,
                        at_ms=line.at_ms,
                        confidence=line.confidence,
                    )
                )

        await self._database.write(work)

    async def close_call(
        self,
        call_id: str,
        disposition: Disposition,
        cause: str,
        by: EndedBy,
        at: datetime,
        *,
        rang: bool | None = None,
    ) -> None:
        """Record the end of a call. `cause` is one of lifecycle.HANGUP_CAUSES. The same closing again changes nothing,
        not even a disposition that was corrected since.

        `rang`, for an unanswered outbound call: whether the phone rang.

        Raises:
            UnknownCall: the call was never opened.
            IllegalMove: the call was closed before, differently.
            ValueError: no such cause.
        """
        if cause not in HANGUP_CAUSES:
            raise ValueError(f"{cause!r} is not a hangup cause")

        async def work(session: AsyncSession) -> None:
            call = await _lock_call(session, call_id)
            if (call.ended_at, call.cause, call.ended_by) == (at, cause, by):
                return
            _require_open(call)
            call.ended_at, call.cause, call.ended_by, call.rang = at, cause, by, rang
            call.duration_ms = int((at - call.answered_at).total_seconds() * 1000) if call.answered_at else 0
            _set_disposition(session, call, disposition, self._node, cause, at)

        await self._database.write(work)

    async def change_disposition(
        self, call_id: str, disposition: Disposition, who: str, why: str, at: datetime
    ) -> None:
        """Correct the disposition of a call; the earlier one stays in the history. The same again changes nothing.

        Raises:
            UnknownCall: the call was never opened.
            IllegalMove: the call has not ended yet.
        """

        async def work(session: AsyncSession) -> None:
            call = await _lock_call(session, call_id)
            if call.ended_at is None:
                raise IllegalMove(f"call {call_id} has not ended yet, so it has no disposition to change")
            if call.disposition != disposition:
                _set_disposition(session, call, disposition, who, why, at)

        await self._database.write(work)

    async def add_recording(
        self, call_id: str, path: str, audio_format: str, seconds: float, offset_ms: int, sha256: str
    ) -> None:
        """Add the recording at `path`; `offset_ms` is the time from the answer of the call to the first sample.

        Raises:
            UnknownCall: the call was never opened.
            IllegalMove: no consent of the caller is on record.
        """

        async def work(session: AsyncSession) -> None:
            call = await _lock_call(session, call_id)
            if call.consent_at is None:
                raise IllegalMove(f"call {call_id} was recorded without consent")
            await insert_once(
                session,
                t.RecordingRow,
                call_id=call_id,
                path=path,
                format=audio_format,
                seconds=seconds,
                offset_ms=offset_ms,
                sha256=sha256,
                consent_at=call.consent_at,
            )

        await self._database.write(work)

    async def put_through(self, call_id: str, agent: str, line: str, at: datetime) -> None:
        """Record that an agent of `line` took the call; see CaseService.put_through. Without rules, record nothing."""
        if self._rules:
            await CaseService(self._database, self._rules).put_through(call_id, agent, line, at)

    async def save_flow_source(self, version: str, source: str) -> None:
        """Save the source of a call flow file under its hash."""

        async def work(session: AsyncSession) -> None:
            await insert_once(session, t.FlowVersionRow, version=version, source=source)

        await self._database.write(work)

    async def flow_source(self, version: str) -> str | None:
        """Return the flow source saved under this hash, None if there is none."""

        async def work(session: AsyncSession) -> str | None:
            return await session.scalar(select(t.FlowVersionRow.source).where(t.FlowVersionRow.version == version))

        return await self._database.read(work)

    async def save_customer(self, number: str, name: str, language: str, by: str, at: datetime) -> None:
        """Save a customer's profile and add the change to its history. The number may be in any spelling.

        Raises:
            UnreadableNumber: the number is withheld, so it identifies nobody.
        """
        key = canonical_number(number) or str(parse_number(number))

        async def work(session: AsyncSession) -> None:
            await insert_once(session, t.CustomerRow, number=key, name="", language="")
            customer = (
                await session.scalars(select(t.CustomerRow).where(t.CustomerRow.number == key).with_for_update())
            ).one()
            if (customer.name, customer.language) != (name, language):
                customer.name, customer.language = name, language
                session.add(t.CustomerChangeRow(customer_id=customer.id, name=name, language=language, by=by, at=at))

        await self._database.write(work)

    async def customer(self, number: str) -> CustomerRecord | None:
        """Return the customer with this number, in any spelling, and all their calls; None if unknown."""
        key = canonical_number(number)
        return await self._database.read(lambda session: reading.customer(session, key))

    async def calls(self, limit: int, before: str | None = None) -> tuple[CallSummary, ...]:
        """Return at most `limit` calls, newest first; only those that started before the call `before`, if given.

        Raises:
            UnknownCall: no call has the id `before`.
        """

        async def work(session: AsyncSession) -> tuple[CallSummary, ...]:
            query = select(t.CallRow).order_by(t.CallRow.started_at.desc(), t.CallRow.id.desc()).limit(limit)
            if before is not None:
                last = await _get_call(session, before)
                end = tuple_(literal(last.started_at, UtcTime), literal(last.id))
                query = query.where(tuple_(t.CallRow.started_at, t.CallRow.id) < end)
            return await reading.summaries(session, query)

        return await self._database.read(work)

    async def call(self, call_id: str, role: ReaderRole = "staff") -> CallRecord:
        """Return the complete record of a call, as far as the reader may see it.

        Raises:
            UnknownCall: the call was never opened.
        """

        async def work(session: AsyncSession) -> CallRecord:
            lines = self._rules.lines if self._rules else None
            return await reading.record(session, await _get_call(session, call_id), role, lines)

        return await self._database.read(work)

    async def find_case(self, call_id: str, by: CaseKey, value: str) -> CaseStatus | None:
        """Return the newest matching case, see ivr.actions.LookUpCase; None if none may be disclosed to the caller."""

        lines = self._rules.lines if self._rules else None
        return await self._database.read(lambda session: find_case(session, call_id, by, value, lines))

    async def open_calls(self) -> tuple[str, ...]:
        """Return the ids of the calls without an end, oldest first: live ones, and those left over by a crash."""

        async def work(session: AsyncSession) -> tuple[str, ...]:
            open_calls = select(t.CallRow.id).where(t.CallRow.ended_at.is_(None))
            return tuple(await session.scalars(open_calls.order_by(t.CallRow.started_at, t.CallRow.id)))

        return await self._database.read(work)


async def _get_call(session: AsyncSession, call_id: str, lock: bool = False) -> t.CallRow:
    call = await session.get(t.CallRow, call_id, with_for_update=lock)
    if call is None:
        raise UnknownCall(f"there is no call {call_id}")
    return call


async def _turn_number(session: AsyncSession, call_id: str, turn: int, event: object, at: datetime) -> int | None:
    """Return the number under which to save a turn: its own, or the next free one; None if the turn is saved."""
    later = (t.TurnRow.call_id == call_id, t.TurnRow.turn >= turn)
    rows = {row.turn: row for row in await session.scalars(select(t.TurnRow).where(*later))}
    if any(row.event == event and (row.turn == turn or row.at == at) for row in rows.values()):
        return None
    return next(number for number in count(turn) if number not in rows)


async def _lock_call(session: AsyncSession, call_id: str) -> t.CallRow:
    return await _get_call(session, call_id, lock=True)


def _require_open(call: t.CallRow) -> None:
    if call.ended_at is not None:
        raise IllegalMove(f"call {call.id} ended at {call.ended_at.isoformat()}")


def _set_disposition(
    session: AsyncSession, call: t.CallRow, disposition: Disposition, by: str, why: str, at: datetime
) -> None:
    code = AAPOR[disposition]
    call.disposition, call.aapor = disposition, code
    session.add(t.DispositionChangeRow(call_id=call.id, disposition=disposition, aapor=code, by=by, why=why, at=at))
