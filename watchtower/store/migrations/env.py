"""Runs the migrations over the connection that the store hands in."""  # noqa: INP001

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
