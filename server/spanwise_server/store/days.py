"""The partitions of PostgreSQL's largest tables: one for each day, so that a day that is kept no longer is dropped.

The row of a trace names the day on which it began, and the address of a span its trace's row, so that everything of
one day lies in one range of both. Spans of years nobody keeps, by clocks that are wrong, lie together in one more.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Final

import psycopg

from .address import PLACE_BITS
from .day_rows import FIRST_DAY, first_row
from .postgres_connection import LOCKS, PARTITIONS_LOCK

#: Tables by the address of a span, and by the row of a trace.
BY_ADDRESS: Final = ("spans", "bodies", "span_words", "attribute_blocks")
BY_TRACE: Final = ("text_uses",)


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
