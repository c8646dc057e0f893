"""PostgreSQL: traces that go on after the day that follows the one they are filed under are found by themselves.

There are few. The spans of all others lie in the partitions of two days around the time at which they begin.
"""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"

#: The end of the day after the one that a trace is filed under: see ``store/days.py``.
_NEXT_DAY_ENDS = "((id >> 25) + 18264) * 86400000000000"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        "CREATE INDEX ix_traces_reaching ON traces (project_id, (start_ns + duration_ns)) "
        f"WHERE start_ns + duration_ns >= {_NEXT_DAY_ENDS}"
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
