"""Cases get lines, grades, clocks and a history; bookings may belong to a case; news for the event feed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("cases") as cases:
        cases.alter_column("call_id", existing_type=sa.Text(), nullable=True)
        cases.add_column(sa.Column("customer_id", sa.Integer(), nullable=True))
        cases.add_column(sa.Column("state", sa.Text(), nullable=False, server_default="registered"))
        cases.add_column(sa.Column("grade", sa.Text(), nullable=False, server_default="general"))
        cases.add_column(sa.Column("grade_reason", sa.Text(), nullable=False, server_default=""))
        cases.add_column(sa.Column("grade_by", sa.Text(), nullable=False, server_default="huifang"))
        cases.add_column(sa.Column("confidential", sa.Boolean(), nullable=False, server_default=sa.false()))
        cases.add_column(sa.Column("responsible", sa.Text(), nullable=True))
        cases.add_column(sa.Column("tier", sa.Text(), nullable=True))
        cases.add_column(sa.Column("line", sa.Text(), nullable=True))
        cases.add_column(sa.Column("owner", sa.Text(), nullable=True))
        cases.add_column(sa.Column("article", sa.Text(), nullable=True))
        cases.add_column(sa.Column("handler", sa.Text(), nullable=False, server_default=""))
        cases.add_column(sa.Column("contact_due", TIME, nullable=True))
        cases.add_column(sa.Column("contacted_at", TIME, nullable=True))
        cases.add_column(sa.Column("reply_due", TIME, nullable=True))
        cases.add_column(sa.Column("replied_at", TIME, nullable=True))
        cases.add_column(sa.Column("watched_until", TIME, nullable=True))
        cases.add_column(sa.Column("alarm_at", TIME, nullable=True))
        cases.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        cases.create_foreign_key("fk_cases_customer_id", "customers", ["customer_id"], ["id"])
        cases.create_index("ix_cases_customer_id", ["customer_id"])
        cases.create_index("ix_cases_alarm_at", ["alarm_at"])
    op.execute("UPDATE cases SET watched_until = opened_at, confidential = (kind = 'fraud')")
    op.execute("UPDATE cases SET customer_id = (SELECT customer_id FROM calls WHERE calls.id = cases.call_id)")
    with op.batch_alter_table("cases") as cases:
        cases.alter_column("watched_until", existing_type=TIME, nullable=False)
        for column, kind in (("state", sa.Text()), ("grade", sa.Text()), ("grade_reason", sa.Text()),
                             ("grade_by", sa.Text()), ("confidential", sa.Boolean()), ("handler", sa.Text()),
                             ("version", sa.Integer())):  # fmt: skip
            cases.alter_column(column, existing_type=kind, server_default=None)
    op.create_table(
        "case_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_steps_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_case_steps"),
    )
    op.create_index("ix_case_steps_case_id", "case_steps", ["case_id"])
    op.create_table(
        "news",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_news"),
    )
    with op.batch_alter_table("bookings") as bookings:
        bookings.alter_column("call_id", existing_type=sa.Text(), nullable=True)
        bookings.add_column(sa.Column("case_id", sa.Integer(), nullable=True))
        bookings.create_foreign_key("fk_bookings_case_id", "cases", ["case_id"], ["id"])
        bookings.create_index("ix_bookings_case_id", ["case_id"])
