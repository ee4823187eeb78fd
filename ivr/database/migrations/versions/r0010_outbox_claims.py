"""Entries of the outbox are claimed by the node that publishes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("claim", sa.Text(), nullable=True))
        outbox.add_column(sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True))
