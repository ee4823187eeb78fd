"""Calls store whether they rang; bookings, whether do-not-call is proposed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("calls", sa.Column("rang", sa.Boolean(), nullable=True))
    with op.batch_alter_table("bookings") as bookings:
        bookings.add_column(sa.Column("do_not_call_proposed", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("bookings") as bookings:
        bookings.alter_column("do_not_call_proposed", existing_type=sa.Boolean(), server_default=None)
