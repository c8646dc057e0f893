"""SQLite: spans are found by their ids within some thousand traces, so that a write changes one end of the index."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute("DROP INDEX IF EXISTS ix_spans_span_id")
    op.execute("CREATE INDEX IF NOT EXISTS ix_spans_part ON spans (id >> 36, span_id)")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
