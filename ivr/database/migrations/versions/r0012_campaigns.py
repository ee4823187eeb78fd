"""Projects with their revisions, audit and contacts, the do-not-call list, and attempts at contacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"

TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
UNSETTLED = sa.text("outcome IS NULL")
IN_FORCE = sa.text("lifted_at IS NULL")
OPEN = sa.text("ended IS NULL")
DUE = sa.text("next_at IS NOT NULL AND wished_at IS NULL")
WISHED = sa.text("next_at IS NOT NULL AND wished_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", TIME, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("suggestion", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )
    op.create_index("ix_projects_state", "projects", ["state"])
    op.create_table(
        "project_revisions",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("plan", JSON, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_project_revisions_project_id"),
        sa.PrimaryKeyConstraint("project_id", "revision", name="pk_project_revisions"),
    )
    op.create_table(
        "project_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_project_steps_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_project_steps"),
    )
    op.create_index("ix_project_steps_project_id", "project_steps", ["project_id"])
    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("line_type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("only", JSON, nullable=True),
        sa.Column("variables", JSON, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.Column("wished_at", TIME, nullable=True),
        sa.Column("next_at", TIME, nullable=True),
        sa.Column("ended", sa.Text(), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_contacts_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
    )
    op.create_index("uq_contacts_project_id_number", "contacts", ["project_id", "number"], unique=True)
    op.create_index("ix_contacts_number", "contacts", ["number"])
    for name, time, rows in (
        ("ix_contacts_open", "added_at", OPEN),
        ("ix_contacts_due", "next_at", DUE),
        ("ix_contacts_wished", "next_at", WISHED),
    ):
        op.create_index(name, "contacts", ["project_id", time], postgresql_where=rows, sqlite_where=rows)
    op.create_table(
        "do_not_call",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("lifted_at", TIME, nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=False),
        sa.Column("lifted_why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_do_not_call"),
    )
    op.create_index(
        "uq_do_not_call_number", "do_not_call", ["number"], unique=True,
        postgresql_where=IN_FORCE, sqlite_where=IN_FORCE,
    )  # fmt: skip
    _extend_attempts()


def _extend_attempts() -> None:
    """SQLite copies the table: its partial indexes are made anew, since the copy would not keep their condition."""
    op.drop_index("uq_attempts_number", "attempts")
    op.drop_index("ix_attempts_unsettled", "attempts")
    with op.batch_alter_table("attempts") as attempts:
        attempts.alter_column("booking_id", existing_type=sa.Integer(), nullable=True)
        attempts.add_column(sa.Column("contact_id", sa.Integer(), nullable=True))
        attempts.add_column(sa.Column("ended_at", TIME, nullable=True))
        attempts.add_column(sa.Column("revision", sa.Integer(), nullable=True))
        attempts.add_column(sa.Column("result", sa.Text(), nullable=True))
        attempts.add_column(sa.Column("answered", sa.Boolean(), nullable=False, server_default=sa.false()))
        attempts.create_foreign_key("fk_attempts_contact_id", "contacts", ["contact_id"], ["id"])
        attempts.create_check_constraint("ck_attempts_purpose", "(booking_id IS NULL) <> (contact_id IS NULL)")
    op.execute(
        "UPDATE attempts SET answered = true WHERE EXISTS "
        "(SELECT 1 FROM calls WHERE calls.id = attempts.call_id AND calls.answered_at IS NOT NULL)"
    )
    with op.batch_alter_table("attempts") as attempts:
        attempts.alter_column("answered", existing_type=sa.Boolean(), server_default=None)
    op.create_index("ix_attempts_contact_id", "attempts", ["contact_id"])
    op.create_index("ix_attempts_number_at", "attempts", ["number", "at"])
    op.create_index(
        "uq_attempts_number", "attempts", ["number"], unique=True, postgresql_where=UNSETTLED, sqlite_where=UNSETTLED
    )
    op.create_index("ix_attempts_unsettled", "attempts", ["id"], postgresql_where=UNSETTLED, sqlite_where=UNSETTLED)
