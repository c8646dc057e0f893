"""Traces in the order of their texts."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"

#: The index, and what it is in the order of; what says the same is in the order of time.
_ORDERS = {
    "name": "name",
    "input": "substr(input_preview, 1, 64)",
    "output": "substr(output_preview, 1, 64)",
    "models": "substr(trim(replace(models, '\"', ''), '[]'), 1, 100)",
    "environment": "environment",
    "prompts": "substr(trim(replace(prompts, '\"', ''), '[]'), 1, 100)",
    "tags": "substr(trim(replace(tags, '\"', ''), '[]'), 1, 100)",
    "user": "user_id",
    "session": "session_id",
}


def upgrade() -> None:
    for name, order in _ORDERS.items():
        op.execute(f"CREATE INDEX ix_traces_{name} ON traces (project_id, {order}, start_ns)")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
