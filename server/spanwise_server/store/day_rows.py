"""Where a day's traces and spans are filed in PostgreSQL: a trace's row names the day on which it began. Pure."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Final

DAY_NS: Final = 86_400_000_000_000
#: Bits for the traces of one day: 33 million, then the numbers begin again.
TRACE_BITS: Final = 25
#: Days are counted from here on, in the 14 bits that are left: until 2064.
FIRST_DAY: Final = datetime(2020, 1, 1, tzinfo=timezone.utc)
FIRST_DAY_NUMBER: Final = int(FIRST_DAY.timestamp()) * 1_000_000_000 // DAY_NS
#: Days with a partition of their own: so many before today, and so many after it.
DAYS_BEFORE: Final = 800
DAYS_AFTER: Final = 2


def day_of(start_ns: int, now_ns: int | None = None) -> int:
    """Return the number of the day that a trace is filed under; 0 is of all days without a partition."""
    day = start_ns // DAY_NS
    today = (time.time_ns() if now_ns is None else now_ns) // DAY_NS
    return day - FIRST_DAY_NUMBER if today - DAYS_BEFORE <= day <= today + DAYS_AFTER else 0


def trace_row(day: int, number: int) -> int:
    """Return the row of the trace with *number* on a day."""
    return day << TRACE_BITS | number & ((1 << TRACE_BITS) - 1)


def day_of_row(row: int) -> int:
    """Return the day of a trace by its row."""
    return row >> TRACE_BITS


def first_row(day: int) -> int:
    """Return the first row that a trace of a day can have."""
    return day << TRACE_BITS
