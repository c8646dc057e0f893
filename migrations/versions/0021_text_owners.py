"""PostgreSQL: a text says which trace it came with; those that are there already are needed by whom they were."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE texts ADD COLUMN trace_row bigint")
    # Texts lie in the order of their traces, about: a summary of every few pages tells where those of one may be.
    op.execute(
        "CREATE INDEX ix_texts_trace_row ON texts USING brin (trace_row) "
        "WITH (pages_per_range = 16, autosummarize = on)"
    )
    # Nothing names a text by anything but its hash.
    op.execute("ALTER TABLE texts DROP COLUMN id")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
