"""It is known how often the rollups of a day were changed, so that what was read of them can be kept until they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("rollup_days"):
        return
    op.create_table(
        "rollup_days",
        sa.Column("project_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
