"""Which answer of a provider each span reports, so that one call reported twice is counted once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # Spans that are there already say nothing of it until they are read again.
    op.add_column("spans", sa.Column("answer", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
