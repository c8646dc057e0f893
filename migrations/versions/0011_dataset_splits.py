"""Splits and tags of datasets, and which trace an example was made of, so that it can be forgotten with it."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
_AT_ONCE = 500


def upgrade() -> None:
    op.add_column("datasets", sa.Column("splits", sa.JSON(), nullable=True))
    op.add_column("examples", sa.Column("trace_id", sa.String(length=32), nullable=True))
    op.add_column("examples", sa.Column("split", sa.String(length=32), nullable=True))
    op.add_column("examples", sa.Column("forgotten_ns", sa.BigInteger(), nullable=True))
    op.create_index("ix_examples_trace_id", "examples", ["trace_id"])
    op.create_table(
        "dataset_tags",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=40), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["dataset_versions.id"]),
        sa.PrimaryKeyConstraint("dataset_id", "tag"),
    )
    _fill_trace_ids()


def _fill_trace_ids() -> None:
    examples = sa.table("examples", sa.column("id"), sa.column("trace_id"), sa.column("body", sa.JSON()))
    bind, last = op.get_bind(), 0
    while True:
        rows = bind.execute(
            sa.select(examples.c.id, examples.c.body)
            .where(examples.c.id > last)
            .order_by(examples.c.id)
            .limit(_AT_ONCE)
        ).all()
        for number, kept in rows:
            last = number
            body = json.loads(kept) if isinstance(kept, str) else kept
            trace_id = ((body or {}).get("source") or {}).get("trace_id")
            if isinstance(trace_id, str):
                bind.execute(examples.update().where(examples.c.id == number).values(trace_id=trace_id[:32]))
        if len(rows) < _AT_ONCE:
            return


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
