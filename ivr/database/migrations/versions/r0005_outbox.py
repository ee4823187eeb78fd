"""Rename the table `news` to `outbox`."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.rename_table("news", "outbox")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_news RENAME TO pk_outbox")
        op.execute("ALTER SEQUENCE news_id_seq RENAME TO outbox_id_seq")
