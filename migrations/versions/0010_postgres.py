"""PostgreSQL: the large tables as it wants them, by day; on SQLite nothing changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

#: The tables whose texts are compared and sorted character by character, as SQLite does and as patterns need it.
_PLAIN = ("annotations", "series", "spans", "traces", "words")
#: Number of the first row of the second day: see ``store/days.py``.
_DAY_ROWS = 1 << 25
_DAY_ADDRESSES = 1 << 49


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE traces ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE bigint")
    op.execute("ALTER TABLE trace_words ALTER COLUMN trace_row TYPE bigint")
    for table in _PLAIN:
        for column in sa.inspect(op.get_bind()).get_columns(table):
            if isinstance(column["type"], sa.String):
                op.execute(f'ALTER TABLE {table} ALTER COLUMN {column["name"]} TYPE text COLLATE "C"')
    op.execute("DROP TABLE journal")
    _partitioned("spans", "id", _DAY_ADDRESSES)
    op.execute("ALTER TABLE spans ADD PRIMARY KEY (id)")
    op.execute("CREATE INDEX ix_spans_time ON spans (project_id, start_ns)")
    op.execute("CREATE INDEX ix_spans_span_id ON spans (span_id)")
    _partitioned("payloads", "id", _DAY_ADDRESSES)
    op.execute("ALTER TABLE payloads ADD PRIMARY KEY (id)")
    _partitioned("text_uses", "trace_row", _DAY_ROWS)
    op.execute("ALTER TABLE text_uses ADD PRIMARY KEY (trace_row, hash)")
    op.execute("CREATE INDEX ix_text_uses_hash ON text_uses (hash)")
    op.execute("CREATE TABLE span_words (id bigint NOT NULL, body tsvector NOT NULL) PARTITION BY RANGE (id)")
    op.execute("ALTER TABLE span_words ADD PRIMARY KEY (id)")
    op.execute("CREATE INDEX ix_span_words ON span_words USING gin (body)")
    op.execute(
        f"CREATE TABLE span_words_other PARTITION OF span_words FOR VALUES FROM (MINVALUE) TO ({_DAY_ADDRESSES})"
    )
    op.execute("CREATE TABLE media (digest bytea PRIMARY KEY, wanted_ns bigint NOT NULL, body bytea NOT NULL)")
    op.execute("ALTER TABLE media ALTER COLUMN body SET STORAGE EXTERNAL")  # pictures and sound are packed already
    op.execute(f"CREATE SEQUENCE trace_numbers MINVALUE 1 MAXVALUE {_DAY_ROWS - 1} CYCLE")
    op.execute("CREATE SEQUENCE deletions")
    # What was packed by zstd gains nothing from being packed again.
    for table in ("payloads", "texts", "origins", "span_logs"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN body SET STORAGE EXTERNAL")


def _partitioned(table: str, column: str, end: int) -> None:
    """Make a table, which is empty, anew with the same columns, in partitions by *column*."""
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_flat")
    op.execute(f"ALTER TABLE {table}_flat ALTER COLUMN {column} TYPE bigint")
    op.execute(f"CREATE TABLE {table} (LIKE {table}_flat INCLUDING DEFAULTS) PARTITION BY RANGE ({column})")
    op.execute(f"DROP TABLE {table}_flat")
    op.execute(f"CREATE TABLE {table}_other PARTITION OF {table} FOR VALUES FROM (MINVALUE) TO ({end})")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
