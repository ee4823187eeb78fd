"""Runs the migrations on the connection it is given; see ivr/database/database.py."""

from __future__ import annotations

from alembic import context

from ivr.database.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
