"""How alembic runs here: on the connection it is given, inside the transaction that the caller commits."""

from __future__ import annotations

from alembic import context

from spanwise_server.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite's schema changes do belong to the transaction; alembic assumes they do not
    transaction_per_migration=False,
)
context.run_migrations()
