"""Drops whole days of PostgreSQL's partitions, out of every total, where no project keeps anything of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .address import PLACE_BITS
from .base import Kept
from .day_rows import first_row
from .days import drop_day
from .postgres_connection import PostgresConnection
from .postgres_write import PostgresWriter
from .rollup_change import RollupChange, taken_out
from .stored_rows import rows_between
from .text_owners import drop_texts
from .word_arrays import drop_unused

#: Dropping waits for whoever reads the tables, and whoever comes after waits for it: so not for long.
_LOCK_TIMEOUT: Final = "3s"
#: What tells whether any span of a day was written since it was looked at.
_STATE: Final = "SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM spans WHERE id >= %s AND id < %s"
_OF_DAY: Final = "id >= %(first)s AND id < %(end)s"
_KEPT: Final = (
    "SELECT p.name, max(t.start_ns), bool_or(EXISTS (SELECT 1 FROM annotations a WHERE a.project_id = t.project_id "
    "AND a.trace_id = encode(t.trace_id, 'hex'))) FROM traces t JOIN projects p ON p.id = t.project_id "
    "WHERE t.id >= %s AND t.id < %s GROUP BY 1"
)
_WORDS: Final = (
    f"SELECT project_id, array_agg(DISTINCT word) FROM traces, unnest(words) AS word WHERE {_OF_DAY} GROUP BY 1"
)
_GONE: Final = (
    *(
        f"DELETE FROM {table} x USING traces t WHERE t.{_OF_DAY.replace(' AND ', ' AND t.')} "
        f"AND x.project_id = t.project_id AND x.trace_id = {named}"
        for table, named in (
            ("span_logs", "t.trace_id"),
            ("media_uses", "t.trace_id"),
            ("annotations", "encode(t.trace_id, 'hex')"),
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Look:
    """A day as it was when its spans were read."""

    state: tuple[int, int]
    rollups: RollupChange


def droppable(connection: PostgresConnection, day: int, kept: Mapping[str, Kept]) -> bool:
    """Return whether all that is filed under *day* is kept no longer."""
    found = connection.driver.execute(_KEPT, (first_row(day), first_row(day + 1))).fetchall()
    return bool(found) and all(
        project in kept and newest < kept[project].from_ns and not (labelled and kept[project].labelled)
        for project, newest, labelled in found
    )


def look(connection: PostgresConnection, day: int) -> Look:
    """Read the spans of a day and sum up what they gave to the rollups."""
    return Look(_state(connection, day), taken_out(rows_between(connection, *_bounds(day))))


def drop(connection: PostgresConnection, writer: PostgresWriter, day: int, kept: Mapping[str, Kept], seen: Look) -> int:
    """Drop a day in the caller's transaction; return how many traces, 0 where it is not as it was *seen*."""
    driver = connection.driver
    writer.alone(connection)
    if _state(connection, day) != seen.state or not droppable(connection, day, kept):
        return 0
    driver.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'".encode())
    bounds = {"first": first_row(day), "end": first_row(day + 1)}
    writer.count(connection, seen.rollups)
    drop_texts(connection, bounds["first"], bounds["end"])
    for statement in _GONE:
        driver.execute(statement.encode(), bounds)
    words = driver.execute(_WORDS.encode(), bounds).fetchall()
    gone = driver.execute(f"DELETE FROM traces WHERE {_OF_DAY}".encode(), bounds).rowcount
    for project_id, of_project in words:
        drop_unused(connection, project_id, of_project)
    drop_day(driver, day)
    return gone


def _state(connection: PostgresConnection, day: int) -> tuple[int, int]:
    count, newest = connection.driver.execute(_STATE, _bounds(day)).fetchall()[0]
    return count, newest


def _bounds(day: int) -> tuple[int, int]:
    """Return the first address of a day, and the first behind it."""
    return first_row(day) << PLACE_BITS, first_row(day + 1) << PLACE_BITS
