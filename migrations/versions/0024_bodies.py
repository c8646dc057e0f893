"""PostgreSQL: packed spans fill pages, as four of its pieces of 1,996 bytes do, while one and a shorter one do not."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    parts = connection.exec_driver_sql(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = to_regclass('payloads')"
    ).fetchall()
    op.execute("ALTER TABLE payloads RENAME TO bodies")
    for (name,) in parts:
        op.execute(f"ALTER TABLE {name} RENAME TO {name.replace('payloads', 'bodies')}")
    op.execute("ALTER TABLE bodies ADD COLUMN rest bytea")
    for name in ("bodies", *(name.replace("payloads", "bodies") for (name,) in parts)):
        op.execute(f"ALTER TABLE {name} ALTER COLUMN rest SET STORAGE MAIN")
    # What was written before has no rest.
    op.execute(
        "CREATE VIEW payloads (id, body) AS "
        "SELECT id, CASE WHEN rest IS NULL THEN body ELSE body || rest END FROM bodies"
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
