"""Bookings say when they are called next; every call made for one is an attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("bookings") as bookings:
        bookings.add_column(sa.Column("wished", sa.Boolean(), nullable=False, server_default=sa.false()))
        bookings.add_column(sa.Column("next_at", TIME, nullable=True))
        bookings.create_index("ix_bookings_next_at", ["next_at"])
    op.execute("UPDATE bookings SET wished = (case_id IS NULL)")
    op.execute("UPDATE bookings SET next_at = at WHERE state = 'open'")
    with op.batch_alter_table("bookings") as bookings:
        bookings.alter_column("wished", existing_type=sa.Boolean(), server_default=None)
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("booking_id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name="fk_attempts_booking_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("call_id", name="uq_attempts_call_id"),
    )
    op.create_index("ix_attempts_booking_id", "attempts", ["booking_id"])
