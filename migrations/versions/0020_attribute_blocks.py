"""PostgreSQL: the words of attributes by blocks of spans; what is there already is taken in by a running server."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    op.execute(
        "CREATE TABLE attribute_blocks (id bigint NOT NULL, taken_in smallint NOT NULL, words bigint[] NOT NULL, "
        "spans smallint[] NOT NULL) PARTITION BY RANGE (id)"
    )
    op.execute("ALTER TABLE attribute_blocks ADD PRIMARY KEY (id)")
    op.execute(
        "CREATE INDEX ix_attribute_blocks ON attribute_blocks USING gin (words) WITH (gin_pending_list_limit = 256)"
    )
    op.execute("ALTER TABLE attribute_blocks ALTER COLUMN words SET STORAGE EXTERNAL")  # hashes cannot be packed
    days = bind.execute(
        sa.text(
            "SELECT replace(c.relname, 'spans_', 'attribute_blocks_'), pg_get_expr(c.relpartbound, c.oid) "
            "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'spans'::regclass"
        )
    ).all()
    for name, bound in days:
        op.execute(f"CREATE TABLE {name} PARTITION OF attribute_blocks {bound}")
    op.execute(
        "INSERT INTO settings (name, value) SELECT 'attributes_filled_to', '-1' WHERE EXISTS (SELECT 1 FROM spans)"
    )
    # Without full text it held attributes only.
    on = bind.execute(sa.text("SELECT value FROM settings WHERE name = 'full_text'")).scalar()
    if on != "on":
        op.execute("TRUNCATE span_words")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
