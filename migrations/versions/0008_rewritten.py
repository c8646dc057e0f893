"""Spans that were written again are found at once: only their words in the text index may be stale."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index("ix_spans_rewritten", "spans", ["id"], sqlite_where=sa.text("rewritten = 1"))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
