"""Rollups of steps: the spans of one name and kind; the store fills them when it is opened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

_SUMS = (
    "spans", "errors", "latency_ns", "input_uncached", "cache_read", "cache_write", "input_audio", "input_image",
    "output_visible", "reasoning", "output_audio", "output_image", "unsplit", "cost_nusd", "priced", "unpriced",
)  # fmt: skip


def upgrade() -> None:
    text = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.String()
    op.create_table(
        "steps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project_id", sa.Integer, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("kind", text, nullable=False),
    )
    op.create_index("ix_steps_key", "steps", ["project_id", "name", "kind"], unique=True)
    _keyed("r_step", "hour", values=_SUMS)
    _keyed("h_step_hour", "hour", "measure", "bucket", values=("n",))
    _keyed("h_step_day", "day", "measure", "bucket", values=("n",))
    _keyed("t_step", "hour", "previous", values=("n",))
    op.execute("INSERT INTO settings (name, value) SELECT 'steps_uncounted', '1' WHERE EXISTS (SELECT 1 FROM spans)")


def _keyed(table: str, *keys: str, values: tuple[str, ...]) -> None:
    op.create_table(
        table,
        *(sa.Column(key, sa.Integer, primary_key=True, autoincrement=False) for key in ("step_id", *keys)),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in values),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
