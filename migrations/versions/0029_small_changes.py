"""Transactions that write small tables are counted, so that what is remembered of them is asked anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    counted = op.create_table("small_changes", sa.Column("n", sa.BigInteger, nullable=False))
    op.bulk_insert(counted, [{"n": 0}])


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
