"""Which reader read each span."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "readers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.add_column("spans", sa.Column("reader_id", sa.Integer(), nullable=False, server_default="0"))
    # Spans that are there already were read by a reader nobody wrote down: number 0, as the column says.
    op.execute("INSERT INTO readers (id, name) SELECT 0, 'unknown' WHERE EXISTS (SELECT 1 FROM spans)")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
