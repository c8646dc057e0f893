"""Traces in order of their first token, of how many spans they have and of how many of these failed."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_index("ix_traces_ttft", "traces", ["project_id", "ttft_ms"])
    op.create_index("ix_traces_spans", "traces", ["project_id", "span_count", "id"])
    op.create_index("ix_traces_errors", "traces", ["project_id", "error_count", "id"])


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
