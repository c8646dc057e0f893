"""Which traces need which pictures, sound and files, that are kept beside the spans from now on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "media_uses",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trace_id", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "trace_id", "digest"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_media_uses_digest", "media_uses", ["digest", "project_id"])


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
