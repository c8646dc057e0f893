"""PostgreSQL logs which traces each transaction touched, so that what server processes keep of them can follow."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"

_TABLE = "CREATE TABLE trace_changes (tx xid8 NOT NULL DEFAULT pg_current_xact_id(), trace_rows bigint[] NOT NULL)"
_NOTE = """
CREATE FUNCTION note_traces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO trace_changes (trace_rows) SELECT array_agg(id) FROM touched HAVING count(*) > 0;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP TABLE trace_changes")
    op.execute(_TABLE)
    op.execute("CREATE INDEX ix_trace_changes_tx ON trace_changes (tx)")
    op.execute(_NOTE)
    for name, event, rows in (
        ("made", "INSERT", "NEW"), ("changed", "UPDATE", "NEW"), ("deleted", "DELETE", "OLD"),
    ):  # fmt: skip
        op.execute(
            f"CREATE TRIGGER trace_{name} AFTER {event} ON traces REFERENCING {rows} TABLE AS touched "
            "FOR EACH STATEMENT EXECUTE FUNCTION note_traces()"
        )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
