"""Runs the migrations on the connection it is given; see ivr/records/database.py."""

from __future__ import annotations

from alembic import context

from ivr.records.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
