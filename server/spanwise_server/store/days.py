"""The partitions of PostgreSQL's largest tables: one for each day, so that a day that is kept no longer is dropped.

The row of a trace names the day on which it began, and the address of a span its trace's row, so that everything of
one day lies in one range of both. Spans of years nobody keeps, by clocks that are wrong, lie together in one more.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import psycopg

from .address import PLACE_BITS
from .postgres_connection import LOCKS, PARTITIONS_LOCK

DAY_NS: Final = 86_400_000_000_000
#: Bits for the traces of one day: 33 million, then the numbers begin again.
TRACE_BITS: Final = 25
#: Days are counted from here on, in the 14 bits that are left: until 2064.
FIRST_DAY: Final = datetime(2020, 1, 1, tzinfo=timezone.utc)
_FIRST: Final = int(FIRST_DAY.timestamp()) * 1_000_000_000 // DAY_NS
#: Days with a partition of their own: so many before today, and so many after it.
DAYS_BEFORE: Final = 800
DAYS_AFTER: Final = 2
#: Tables by the address of a span, and by the row of a trace.
BY_ADDRESS: Final = ("spans", "bodies", "span_words", "attribute_blocks")
BY_TRACE: Final = ("text_uses",)


def day_of(start_ns: int, now_ns: int | None = None) -> int:
    """Return the number of the day that a trace is filed under; 0 is of all days without a partition."""
    day = start_ns // DAY_NS
    today = (time.time_ns() if now_ns is None else now_ns) // DAY_NS
    return day - _FIRST if today - DAYS_BEFORE <= day <= today + DAYS_AFTER else 0


def trace_row(day: int, number: int) -> int:
    """Return the row of the trace with *number* on a day."""
    return day << TRACE_BITS | number & ((1 << TRACE_BITS) - 1)


def day_of_row(row: int) -> int:
    """Return the day of a trace by its row."""
    return row >> TRACE_BITS


def first_row(day: int) -> int:
    """Return the first row that a trace of a day can have."""
    return day << TRACE_BITS


def name_of(table: str, day: int) -> str:
    """Return the name of a table's partition."""
    return f"{table}_{FIRST_DAY + timedelta(days=day):%Y%m%d}" if day else f"{table}_other"


def days_there(driver: psycopg.Connection[Any]) -> set[int]:
    """Return the days that have partitions."""
    found = driver.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = to_regclass('text_uses')"
    ).fetchall()
    return {_day_named(name.rpartition("_")[2]) for (name,) in found}


def _day_named(name: str) -> int:
    if name == "other":
        return 0
    return (datetime.strptime(name, "%Y%m%d").replace(tzinfo=timezone.utc) - FIRST_DAY).days


def make_day(driver: psycopg.Connection[Any], day: int) -> None:
    """Make the partitions of a day in a transaction of its own; where another process just did, do nothing.

    They are attached, not created in place: that lets everybody go on reading and writing.
    """
    with driver.transaction():
        driver.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCKS, PARTITIONS_LOCK))
        if day in days_there(driver):
            return
        for table in (*BY_ADDRESS, *BY_TRACE):
            column, shift = ("id", PLACE_BITS) if table in BY_ADDRESS else ("trace_row", 0)
            first, end = first_row(day) << shift, first_row(day + 1) << shift
            name = name_of(table, day)
            bound = f"{column} >= {first} AND {column} < {end}"
            for statement in (
                f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL, CONSTRAINT {name}_day CHECK ({bound}))",
                f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})",
                f"ALTER TABLE {name} DROP CONSTRAINT {name}_day",
            ):
                driver.execute(statement.encode())


def drop_day(driver: psycopg.Connection[Any], day: int) -> None:
    """Drop the partitions of a day, in the caller's transaction."""
    for table in (*BY_ADDRESS, *BY_TRACE):
        driver.execute(f"DROP TABLE IF EXISTS {name_of(table, day)}".encode())
