"""SQLite: a text says which trace it came with, as in PostgreSQL; those there already are needed by whom they were."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("ALTER TABLE texts ADD COLUMN trace_row BIGINT")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
