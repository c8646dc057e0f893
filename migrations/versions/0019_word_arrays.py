"""PostgreSQL: the words of a trace in its own row, found by one small index; on SQLite nothing changes."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"

#: What was packed, four bytes a number, as the array that it is.
_UNPACKED = """
CREATE FUNCTION pg_temp.unpacked(packed bytea) RETURNS integer[] LANGUAGE sql IMMUTABLE AS $$
SELECT coalesce(array_agg(get_byte(packed, at) + get_byte(packed, at + 1) * 256 + get_byte(packed, at + 2) * 65536
                          + get_byte(packed, at + 3) * 16777216 ORDER BY at), '{}')
FROM generate_series(0, length(packed) - 4, 4) AS at $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP TABLE trace_words")
    op.execute(_UNPACKED)
    op.execute("ALTER TABLE traces ALTER COLUMN words TYPE integer[] USING pg_temp.unpacked(words)")
    # What waits to be sorted into the index is read by every question, so it must not be much.
    op.execute("CREATE INDEX ix_traces_words ON traces USING gin (words) WITH (gin_pending_list_limit = 256)")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
