"""Sums and histograms by the hour and the day, kept exact by adding what a span gives and taking away what it gave.

Spans, errors and latency are of every span. Tokens and cost are only of the spans that their trace counts (the leaf
model spans: see ``summary.py``), so a sum over rollups is the sum over traces, whatever wraps a call.

There are two kinds: of series, which are what charts split by and filter for, and of steps, which are the spans of one
name and kind (``steps.py``). ``rollup_change.py`` and ``step_change.py`` say what is added to either.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from .connection import Connection
from .rows import ERROR, SpanRow, buckets_of, is_unpriced
from .tables import SUMS

HOUR_NS: Final = 3_600_000_000_000
HOURS_A_DAY: Final = 24
#: Each bucket is this much wider than the one before: a percentile read from them is at most 2 % off.
GAMMA: Final = 1.04
_LOG_GAMMA: Final = math.log(GAMMA)
LATENCY: Final = 0
TTFT: Final = 1


def bucket(nanoseconds: float) -> int:
    """Return the histogram bucket of a duration; everything up to one microsecond is in bucket 0."""
    return max(0, math.ceil(math.log(nanoseconds / 1_000) / _LOG_GAMMA)) if nanoseconds > 1_000 else 0


def bucket_middle_ns(number: int) -> float:
    """Return the duration that stands for a bucket, in the middle of it by ratio."""
    return 1_000 * GAMMA ** (number - 0.5) if number else 1_000.0


class Hour:
    """What one series, or one step, gains in one hour."""

    __slots__ = ("latency", "sums", "ttft")

    def __init__(self) -> None:
        self.sums = [0] * len(SUMS)
        self.latency: dict[int, int] = {}
        self.ttft: dict[int, int] = {}

    def change(self, row: SpanRow, sign: int) -> None:
        """Count a span in or, by a sign of -1, out."""
        sums = self.sums
        sums[0] += sign
        sums[1] += sign * (row.status == ERROR)
        sums[2] += sign * row.duration_ns
        _add(self.latency, bucket(row.duration_ns), sign)
        if row.ttft_ms is not None:
            _add(self.ttft, bucket(row.ttft_ms * 1e6), sign)
        if row.counted:
            for at, tokens in enumerate(buckets_of(row), 3):
                if tokens:  # adding an unsaid count and adding 0 are the same here
                    sums[at] += sign * tokens
            if row.cost_nusd is not None:
                sums[13] += sign * row.cost_nusd
                sums[14] += sign
            sums[15] += sign * is_unpriced(row)

    def with_(self, other: Hour) -> Hour:
        """Return the two together."""
        both = Hour()
        for hour in (self, other):
            for at, n in enumerate(hour.sums):
                both.sums[at] += n
            for number, n in hour.latency.items():
                _add(both.latency, number, n)
            for number, n in hour.ttft.items():
                _add(both.ttft, number, n)
        return both


def _add(histogram: dict[int, int], number: int, n: int) -> None:
    histogram[number] = histogram.get(number, 0) + n


class Rollups:
    """The tables of one kind of rollup: sums by the hour, and histograms by the hour and by the day."""

    def __init__(self, key: str, sums: str, by_hour: str, by_day: str) -> None:
        self.key, self.sums, self.by_hour, self.by_day = key, sums, by_hour, by_day
        self._of_sums = (key, "hour", *SUMS)
        self._of_hours = (key, "hour", "measure", "bucket", "n")
        self._of_days = (key, "day", "measure", "bucket", "n")
        added = ", ".join(f"{n} = {sums}.{n} + excluded.{n}" for n in SUMS)
        self._add_sums = f"ON CONFLICT ({key}, hour) DO UPDATE SET {added}"
        self._add_hours, self._add_days = (
            f"ON CONFLICT ({key}, {step}, measure, bucket) DO UPDATE SET n = {table}.n + excluded.n"
            for table, step in ((by_hour, "hour"), (by_day, "day"))
        )

    def add(self, connection: Connection, hours: Mapping[tuple[int, int], Hour], *, taken: bool) -> None:
        """Add what series, by their numbers, gain by the hour; where something was *taken*, rows of nothing go."""
        # In the order of their keys, so that of two processes which write the same rows neither waits for the other
        # while that one waits for it.
        sums = sorted((*key, *of.sums) for key, of in hours.items() if any(of.sums))
        counts = sorted(
            (series, hour, measure, number, n)
            for (series, hour), of in hours.items()
            for measure, histogram in ((LATENCY, of.latency), (TTFT, of.ttft))
            for number, n in histogram.items() if n
        )  # fmt: skip
        of_days: defaultdict[tuple[int, int, int, int], int] = defaultdict(int)
        for s, hour, m, b, n in counts:
            of_days[s, hour // HOURS_A_DAY, m, b] += n
        connection.put_numbers(self.sums, self._of_sums, sums, self._add_sums)
        connection.put_numbers(self.by_hour, self._of_hours, counts, self._add_hours)
        days = sorted((*key, n) for key, n in of_days.items() if n)
        connection.put_numbers(self.by_day, self._of_days, days, self._add_days)
        if not taken:
            return
        connection.executemany(
            f"DELETE FROM {self.sums} WHERE {self.key} = ? AND hour = ? AND spans = 0", [row[:2] for row in sums]
        )
        for table, step, hours_in in ((self.by_hour, "hour", 1), (self.by_day, "day", HOURS_A_DAY)):
            connection.executemany(
                f"DELETE FROM {table} WHERE {self.key} = ? AND {step} = ? AND measure = ? AND bucket = ? AND n = 0",
                [(s, hour // hours_in, m, b) for s, hour, m, b, _ in counts],
            )


OF_SERIES: Final = Rollups("series_id", "r_hour", "h_hour", "h_day")
OF_STEPS: Final = Rollups("step_id", "r_step", "h_step_hour", "h_step_day")
