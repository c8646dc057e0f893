"""Codes: failure modes, the critiques that carry them, and every act on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("merged_into", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_codes_project_id", "codes", ["project_id"])
    op.create_table(
        "code_marks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("annotation_id", sa.String(length=64), nullable=False),
        sa.Column("code_id", sa.Integer(), nullable=True),
        sa.Column("marked_by", sa.String(), nullable=False),
        sa.Column("marked_ns", sa.BigInteger(), nullable=False),
        sa.Column("added_event", sa.Integer(), nullable=False),
        sa.Column("removed_event", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("project_id", "annotation_id", "code_id", "added_event", "removed_event"):
        op.create_index(f"ix_code_marks_{column}", "code_marks", [column])
    op.create_table(
        "code_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("code_id", sa.Integer(), nullable=True),
        sa.Column("other_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("critiques", sa.Integer(), nullable=False),
        sa.Column("annotator_id", sa.String(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    for column in ("project_id", "code_id", "other_id", "undoes"):
        op.create_index(f"ix_code_events_{column}", "code_events", [column])


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
