"""PostgreSQL: spans that failed are found by themselves, not among all of every day."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("CREATE INDEX ix_spans_failed ON spans (project_id, start_ns) WHERE status = 2")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
