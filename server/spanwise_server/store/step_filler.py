"""Counts the spans of a store that was filled before steps were counted, once, when it is opened."""

from __future__ import annotations

import logging
from typing import Final

from .address import trace_row_of
from .connection import Connection
from .rollup_change import RollupChange
from .rows import SpanRow
from .stored_rows import rows_between
from .write import SpanWriter

#: The setting that the migration leaves where there are spans.
UNCOUNTED: Final = "steps_uncounted"
#: What so many spans come to is written at once.
_SPANS_AT_ONCE: Final = 50_000

logger = logging.getLogger("spanwise.store")


def is_to_be_filled(connection: Connection) -> bool:
    """Return whether there are spans that are not counted."""
    asked = "SELECT count(*) FROM settings WHERE name = ?"
    return bool(connection.execute(asked, (UNCOUNTED,)).fetchone()[0])


def fill_steps(connection: Connection, writer: SpanWriter) -> None:
    """Count the steps of all spans, in the caller's transaction, beside which nobody writes spans."""
    if not is_to_be_filled(connection):
        return  # somebody else did it
    spans = connection.execute("SELECT coalesce(sum(span_count), 0) FROM traces").fetchone()[0]
    logger.warning("counting the steps of %s spans, once; the server starts when that is done", f"{spans:,}")
    for table in ("r_step", "h_step_hour", "h_step_day", "t_step"):
        connection.execute(f"DELETE FROM {table}")
    rollups, of_trace, seen = RollupChange(series_are_counted=True), list[SpanRow](), 0
    for row in rows_between(connection, 0, 2**63 - 1):
        if of_trace and trace_row_of(of_trace[0].id) != trace_row_of(row.id):
            rollups.of_steps.turn_trace(of_trace, 1)
            of_trace = []
            if seen >= _SPANS_AT_ONCE:
                writer.count(connection, rollups)
                rollups, seen = RollupChange(series_are_counted=True), 0
        of_trace.append(row)
        rollups.add(row)
        seen += 1
    if of_trace:
        rollups.of_steps.turn_trace(of_trace, 1)
    writer.count(connection, rollups)
    connection.execute("DELETE FROM settings WHERE name = ?", (UNCOUNTED,))
