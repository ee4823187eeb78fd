"""Indexes for the queries that workers and lists repeat."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

OPEN = sa.text("ended_at IS NULL")
UNROUTED = sa.text("tier IS NULL")
UNSETTLED = sa.text("outcome IS NULL")


def upgrade() -> None:
    op.drop_index("ix_calls_open", "calls")
    op.create_index("ix_calls_open", "calls", ["started_at", "id"], postgresql_where=OPEN, sqlite_where=OPEN)
    op.create_index("ix_cases_state_id", "cases", ["state", "id"])
    op.create_index("ix_cases_line_id", "cases", ["line", "id"])
    op.create_index("ix_cases_unrouted", "cases", ["id"], postgresql_where=UNROUTED, sqlite_where=UNROUTED)
    op.create_index(
        "ix_cases_confidential",
        "cases",
        ["call_id"],
        postgresql_where=sa.text("confidential IS TRUE"),
        sqlite_where=sa.text("confidential IS 1"),
    )
    op.create_index("ix_attempts_unsettled", "attempts", ["id"], postgresql_where=UNSETTLED, sqlite_where=UNSETTLED)
    op.drop_index("ix_bookings_next_at", "bookings")
    op.create_index("ix_bookings_state_next_at", "bookings", ["state", "next_at"])
