"""News of confidential cases, which are told to management alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("news") as news:
        news.add_column(sa.Column("confidential", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("news") as news:
        news.alter_column("confidential", existing_type=sa.Boolean(), server_default=None)
