"""The SQL tables. Must not know: who reads and writes them, which database stores them.

Turns, transcript lines, answers, disposition changes, revisions, and the steps of cases and projects are append-only;
the only update is the `replaced_at` of an answer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, CheckConstraint, DateTime, ForeignKey, Index, MetaData, Text, TypeDecorator, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

JsonColumn: Final = JSON().with_variant(JSONB(), "postgresql")


class UtcTime(TypeDecorator[datetime]):
    """A timestamp: stored from a time with a zone, returned in UTC, on every database.

    Raises:
        ValueError: the time to store has no zone.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of all tables; constraints are named by convention, so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcTime, str: Text, Any: JsonColumn}  # noqa: RUF012


class CustomerRow(Base):
    """A person or household, identified by a telephone number."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    language: Mapped[str]


class CustomerChangeRow(Base):
    """A change to a customer's profile: what, by whom and when."""

    __tablename__ = "customer_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    name: Mapped[str]
    language: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]


class CallRow(Base):
    """The call detail record. `turn` is the last saved turn, `node` the node that saved it.

    `external_id` is the id under which the network knows the call, None if it has none. A call without a number (from
    a browser) has no customer. `rang`, of an unanswered outbound call: whether the phone rang; None if unknown, e.g.
    because the node died.
    """

    __tablename__ = "calls"
    __table_args__ = (
        Index("ix_calls_started_at_id", "started_at", "id"),
        Index(
            "ix_calls_open",
            "started_at",
            "id",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    network: Mapped[str]
    external_id: Mapped[str | None]
    direction: Mapped[str]
    caller: Mapped[str]
    called: Mapped[str]
    flow: Mapped[str]
    flow_version: Mapped[str]
    language: Mapped[str]
    variables: Mapped[Any]
    node: Mapped[str]
    turn: Mapped[int]
    started_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    consent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    disposition: Mapped[str | None]
    aapor: Mapped[str | None]
    cause: Mapped[str | None]
    ended_by: Mapped[str | None]
    rang: Mapped[bool | None]
    duration_ms: Mapped[int | None]


class TurnRow(Base):
    """A saved turn with the event that led to it; its key makes saving a turn idempotent."""

    __tablename__ = "turns"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event: Mapped[Any]
    node: Mapped[str]
    at: Mapped[datetime]


class TranscriptLineRow(Base):
    """An utterance of a party to the call."""

    __tablename__ = "transcript_lines"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    who: Mapped[str]
    text: Mapped[str]
    at_ms: Mapped[int]
    confidence: Mapped[float | None]


class AnswerRow(Base):
    """An answer; `replaced_at` is set when the caller answers the same question again."""

    __tablename__ = "answers"
    __table_args__ = (
        Index(
            "uq_answers_call_id_question",
            "call_id",
            "question",
            unique=True,
            postgresql_where=text("replaced_at IS NULL"),
            sqlite_where=text("replaced_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    turn: Mapped[int]
    question: Mapped[str]
    value: Mapped[Any]
    heard: Mapped[str]
    alternatives: Mapped[Any]
    confidence: Mapped[float]
    by: Mapped[str]
    attempts: Mapped[int]
    confirmed: Mapped[bool]
    start_ms: Mapped[int | None]
    end_ms: Mapped[int | None]
    at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]


class RecordingRow(Base):
    """The recording of a call. `offset_ms` is the time from the answer of the call to the first sample."""

    __tablename__ = "recordings"

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    path: Mapped[str] = mapped_column(unique=True)
    format: Mapped[str]
    seconds: Mapped[float]
    offset_ms: Mapped[int]
    sha256: Mapped[str]
    consent_at: Mapped[datetime]


class DispositionChangeRow(Base):
    """A disposition set for a call, by whom and why; the last one applies."""

    __tablename__ = "dispositions"

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    disposition: Mapped[str]
    aapor: Mapped[str]
    by: Mapped[str]
    why: Mapped[str]
    at: Mapped[datetime]


class BookingRow(Base):
    """A scheduled callback, booked on a call or to verify a case. `state`: open, done or cancelled.

    `wished`: the customer named the time. `next_at` is the time of the next attempt; None during an attempt and when
    the service makes no more attempts: if the booking is still open, a person must make the call.
    `do_not_call_proposed`: the call was rejected as unwanted or as spam; a person must decide whether to call again.
    """

    __tablename__ = "bookings"
    __table_args__ = (Index("ix_bookings_state_next_at", "state", "next_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime]
    spoken: Mapped[str]
    state: Mapped[str]
    wished: Mapped[bool]
    next_at: Mapped[datetime | None]
    do_not_call_proposed: Mapped[bool] = mapped_column(default=False)


class AttemptRow(Base):
    """An attempt at a booking's callback or at a contact of a project: first a claim, which keeps other nodes from
    placing it too, then the outcome.

    `outcome` is the call's disposition, `failed` if it was never placed, None until it is settled. `counted`: it counts
    towards the maximum number of attempts; `answered`: a person answered. `number` is the number called (see
    ivr.phone_number), None for attempts made before it was stored; of all attempts at one number, one is unsettled at a
    time. `revision` is the project's revision that applied, `result` one of AttemptOutcome; both None for a booking.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint("(booking_id IS NULL) <> (contact_id IS NULL)", name="ck_attempts_purpose"),
        Index(
            "uq_attempts_number",
            "number",
            unique=True,
            postgresql_where=text("outcome IS NULL"),
            sqlite_where=text("outcome IS NULL"),
        ),
        Index(
            "ix_attempts_unsettled",
            "id",
            postgresql_where=text("outcome IS NULL"),
            sqlite_where=text("outcome IS NULL"),
        ),
        Index("ix_attempts_number_at", "number", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    booking_id: Mapped[int | None] = mapped_column(ForeignKey("bookings.id"), index=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    call_id: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str | None]
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    revision: Mapped[int | None]
    outcome: Mapped[str | None]
    result: Mapped[str | None]
    counted: Mapped[bool]
    answered: Mapped[bool]


class ProjectRow(Base):
    """An outbound project. `revision` is the one in force; `suggestion` the other channel that a rejection suggests."""

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    department: Mapped[str]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(index=True)
    revision: Mapped[int]
    suggestion: Mapped[str]


class ProjectRevisionRow(Base):
    """A revision of a project's plan, by whom and when; never changed."""

    __tablename__ = "project_revisions"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    plan: Mapped[Any]
    by: Mapped[str]
    at: Mapped[datetime]


class ProjectStepRow(Base):
    """A step in the audit of a project: what, by whom, why, under which revision; never changed."""

    __tablename__ = "project_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    revision: Mapped[int]
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    why: Mapped[str]
    details: Mapped[Any]


class ContactRow(Base):
    """A contact of a project. `line` is its line in the list; `only` narrows the calling hours in the zone `zone`.

    `wished_at` is the time that the customer asked for. `next_at` says when to look at the contact again; None during
    an attempt and once the contact has ended. `ended` is how: an AttemptOutcome, `unreached`, `do_not_call` or
    `project_over`; None until then.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        Index("uq_contacts_project_id_number", "project_id", "number", unique=True),
        Index(
            "ix_contacts_open",
            "project_id",
            "added_at",
            postgresql_where=text("ended IS NULL"),
            sqlite_where=text("ended IS NULL"),
        ),
        Index(
            "ix_contacts_due",
            "project_id",
            "next_at",
            postgresql_where=text("next_at IS NOT NULL AND wished_at IS NULL"),
            sqlite_where=text("next_at IS NOT NULL AND wished_at IS NULL"),
        ),
        Index(
            "ix_contacts_wished",
            "project_id",
            "next_at",
            postgresql_where=text("next_at IS NOT NULL AND wished_at IS NOT NULL"),
            sqlite_where=text("next_at IS NOT NULL AND wished_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    number: Mapped[str] = mapped_column(index=True)
    line_type: Mapped[str]
    name: Mapped[str]
    language: Mapped[str]
    zone: Mapped[str]
    only: Mapped[Any | None]
    variables: Mapped[Any]
    line: Mapped[int]
    added_at: Mapped[datetime]
    wished_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    ended: Mapped[str | None]
    ended_why: Mapped[str]
    ended_at: Mapped[datetime | None]


class DoNotCallRow(Base):
    """A number that no project calls, since when and how it is known; `lifted_at`: until when. Never deleted."""

    __tablename__ = "do_not_call"
    __table_args__ = (
        Index(
            "uq_do_not_call_number",
            "number",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
            sqlite_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str]
    source: Mapped[str]
    who: Mapped[str]
    why: Mapped[str]
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str]
    lifted_why: Mapped[str]


class CaseRow(Base):
    """A complaint case or work order, under a number that can be spoken on the telephone.

    `tier` is None until the case is routed. `article` names the rule that routed it, `responsible` the line that
    received it first. Deadline alarms have been raised up to `watched_until`; the next one is due at `alarm_at`.
    `version` counts the changes: each is a compare-and-set.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_state_id", "state", "id"),
        Index("ix_cases_line_id", "line", "id"),
        Index(
            "ix_cases_unrouted",
            "id",
            postgresql_where=text("tier IS NULL"),
            sqlite_where=text("tier IS NULL"),
        ),
        Index(
            "ix_cases_confidential",
            "call_id",
            postgresql_where=text("confidential IS TRUE"),
            sqlite_where=text("confidential IS 1"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[str]
    reason: Mapped[str]
    details: Mapped[Any]
    opened_at: Mapped[datetime]
    state: Mapped[str]
    grade: Mapped[str]
    grade_reason: Mapped[str]
    grade_by: Mapped[str]
    confidential: Mapped[bool]
    responsible: Mapped[str | None]
    tier: Mapped[str | None]
    line: Mapped[str | None]
    owner: Mapped[str | None]
    article: Mapped[str | None]
    handler: Mapped[str]
    contact_due: Mapped[datetime | None]
    contacted_at: Mapped[datetime | None]
    reply_due: Mapped[datetime | None]
    replied_at: Mapped[datetime | None]
    watched_until: Mapped[datetime]
    alarm_at: Mapped[datetime | None] = mapped_column(index=True)
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class CaseStepRow(Base):
    """A step in the history of a case: what, by whom and why; never changed."""

    __tablename__ = "case_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    why: Mapped[str]


class OutboxRow(Base):
    """The outbox: an event not yet published to the feed; `confidential`: publish it to the management feed only.

    `claim` names the worker that publishes it; after `claimed_until` another may.
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[Any]
    confidential: Mapped[bool]
    claim: Mapped[str | None]
    claimed_until: Mapped[datetime | None]


class CaseCounterRow(Base):
    """The last case number of a day (`yyyymmdd`)."""

    __tablename__ = "case_counters"

    day: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class FlowVersionRow(Base):
    """The source of a call flow file, by its hash, so that a call can be replayed through the flow it used."""

    __tablename__ = "flow_versions"

    version: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
