"""Experiments that the server runs: what is run, how far it is, and what each example's answer was and cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_BIG = ("input_tokens", "output_tokens", "cost_nusd")


def upgrade() -> None:
    for column in (
        sa.Column("state", sa.String(), server_default=sa.text("'done'"), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=True),
        *(
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
            for name in ("planned", "done", "errors", "unpriced")
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in _BIG),
        sa.Column("flips", sa.Float(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("flipped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("why", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("beat_ns", sa.BigInteger(), nullable=True),
        sa.Column("ended_ns", sa.BigInteger(), nullable=True),
    ):
        op.add_column("experiments", column)
    op.execute("UPDATE experiments SET planned = trials, done = trials")
    for column in (
        sa.Column("judged", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("output", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("error", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("answers", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("passes", sa.Integer(), nullable=True),
        sa.Column("flip_rate", sa.Float(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in _BIG),
    ):
        op.add_column("experiment_results", column)


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
