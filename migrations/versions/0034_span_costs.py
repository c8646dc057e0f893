"""Spans in the order of their costs."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    # What costs the same is in the order of addresses, which SQLite's indices end with by themselves.
    same = ", id" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"CREATE INDEX ix_spans_cost ON spans (project_id, cost_nusd{same}) WHERE cost_nusd IS NOT NULL")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
