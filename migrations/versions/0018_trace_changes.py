"""A log of the traces that are made, changed and taken away, which what is kept of them in memory follows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "trace_changes",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("trace_row", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute(
        "CREATE TRIGGER trace_made AFTER INSERT ON traces "
        "BEGIN INSERT INTO trace_changes (trace_row) VALUES (NEW.id); END"
    )
    op.execute(
        "CREATE TRIGGER trace_changed AFTER UPDATE ON traces "
        "BEGIN INSERT INTO trace_changes (trace_row) VALUES (NEW.id); END"
    )
    op.execute(
        "CREATE TRIGGER trace_deleted AFTER DELETE ON traces "
        "BEGIN INSERT INTO trace_changes (trace_row) VALUES (OLD.id); END"
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
