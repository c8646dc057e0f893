"""Traces in the order of their texts."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"

#: The index, and what it is in the order of; what says the same is in the order of time.
_ORDERS = {
    "name": "name",
    "input": "substr(input_preview, 1, 24)",
    "output": "substr(output_preview, 1, 24)",
    "models": "substr(trim(replace(models, '\"', ''), '[]'), 1, 48)",
    "environment": "environment",
    "prompts": "substr(trim(replace(prompts, '\"', ''), '[]'), 1, 48)",
    "tags": "substr(trim(replace(tags, '\"', ''), '[]'), 1, 48)",
    "user": "user_id",
    "session": "session_id",
}


def upgrade() -> None:
    for name, order in _ORDERS.items():
        op.execute(f"CREATE INDEX ix_traces_{name} ON traces (project_id, {order}, start_ns)")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
