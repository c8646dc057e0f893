"""SQLite: spans that cost something, in the order of time, so that the newest are found without walking past others."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute(
        "CREATE INDEX ix_spans_priced ON spans (project_id, start_ns) WHERE counted = 1 AND cost_nusd IS NOT NULL"
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
