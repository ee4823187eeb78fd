"""Attempts store the number called; of all attempts at one number, one is unsettled at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

UNSETTLED = sa.text("outcome IS NULL")


def upgrade() -> None:
    op.add_column("attempts", sa.Column("number", sa.Text(), nullable=True))
    op.create_index(
        "uq_attempts_number",
        "attempts",
        ["number"],
        unique=True,
        postgresql_where=UNSETTLED,
        sqlite_where=UNSETTLED,
    )
