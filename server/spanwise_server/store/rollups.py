"""Sums and histograms by the hour and the day, kept exact by adding what a span gives and taking away what it gave.

Spans, errors and latency are of every span. Tokens and cost are only of the spans that their trace counts (the leaf
model spans: see ``summary.py``), so a sum over rollups is the sum over traces, whatever wraps a call.
"""

from __future__ import annotations

import math
from collections import defaultdict
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

Series = tuple[int, str, str, str, str, str, str]


def bucket(nanoseconds: float) -> int:
    """Return the histogram bucket of a duration; everything up to one microsecond is in bucket 0."""
    return max(0, math.ceil(math.log(nanoseconds / 1_000) / _LOG_GAMMA)) if nanoseconds > 1_000 else 0


def bucket_middle_ns(number: int) -> float:
    """Return the duration that stands for a bucket, in the middle of it by ratio."""
    return 1_000 * GAMMA ** (number - 0.5) if number else 1_000.0


def series_of(row: SpanRow) -> Series:
    """Return what the rollups of this span are split by."""
    return (
        row.project_id, row.kind, row.provider or "", row.model or "", row.environment or "",
        row.prompt_name or "", row.prompt_version or "",
    )  # fmt: skip


class _Hour:
    """What one series gains in one hour."""

    __slots__ = ("latency", "sums", "ttft")

    def __init__(self) -> None:
        self.sums = [0] * len(SUMS)
        self.latency: dict[int, int] = {}
        self.ttft: dict[int, int] = {}


class RollupChange:
    """What one transaction adds to the rollups and takes from them."""

    def __init__(self) -> None:
        self._hours: dict[tuple[Series, int], _Hour] = {}
        self._taken = False

    @property
    def series(self) -> set[Series]:
        """The series that it touches."""
        return {series for series, _ in self._hours}

    def add(self, row: SpanRow) -> None:
        """Count *row* in."""
        self._change(row, 1)

    def take(self, row: SpanRow) -> None:
        """Count *row*, as it stood before, out."""
        self._taken = True
        self._change(row, -1)

    def _change(self, row: SpanRow, sign: int) -> None:
        key = series_of(row), row.start_ns // HOUR_NS
        hour = self._hours.get(key)
        if hour is None:
            hour = self._hours[key] = _Hour()
        sums = hour.sums
        sums[0] += sign
        sums[1] += sign * (row.status == ERROR)
        sums[2] += sign * row.duration_ns
        took = bucket(row.duration_ns)
        hour.latency[took] = hour.latency.get(took, 0) + sign
        if row.ttft_ms is not None:
            waited = bucket(row.ttft_ms * 1e6)
            hour.ttft[waited] = hour.ttft.get(waited, 0) + sign
        if row.counted:
            for at, tokens in enumerate(buckets_of(row), 3):
                if tokens:  # adding an unsaid count and adding 0 are the same here
                    sums[at] += sign * tokens
            if row.cost_nusd is not None:
                sums[13] += sign * row.cost_nusd
                sums[14] += sign
            sums[15] += sign * is_unpriced(row)

    def apply(self, connection: Connection, series_ids: dict[Series, int]) -> None:
        """Write the change; *series_ids* remembers the ids found and made."""
        for series in self.series - series_ids.keys():
            series_ids[series] = series_id(connection, series)
        # In the order of their keys, so that of two processes which write the same rows neither waits for the other
        # while that one waits for it.
        sums = sorted(
            (series_ids[series], hour, *of.sums) for (series, hour), of in self._hours.items() if any(of.sums)
        )
        counts = sorted(
            (series_ids[series], hour, measure, number, n)
            for (series, hour), of in self._hours.items()
            for measure, histogram in ((LATENCY, of.latency), (TTFT, of.ttft))
            for number, n in histogram.items() if n
        )  # fmt: skip
        of_days: defaultdict[tuple[int, int, int, int], int] = defaultdict(int)
        for s, hour, m, b, n in counts:
            of_days[s, hour // HOURS_A_DAY, m, b] += n
        days = sorted((*key, n) for key, n in of_days.items() if n)
        connection.executemany(_ADD_SUMS, sums)
        connection.executemany(_ADD_HOURS, counts)
        connection.executemany(_ADD_DAYS, days)
        changed = sorted({(series[0], hour // HOURS_A_DAY) for series, hour in self._hours})
        connection.executemany(_NOTE_CHANGES, changed)
        if self._taken:
            connection.executemany(
                "DELETE FROM r_hour WHERE series_id = ? AND hour = ? AND spans = 0", [row[:2] for row in sums]
            )
            for table, step, hours in (("h_hour", "hour", 1), ("h_day", "day", HOURS_A_DAY)):
                connection.executemany(
                    f"DELETE FROM {table} WHERE series_id = ? AND {step} = ? AND measure = ? AND bucket = ? AND n = 0",
                    [(s, hour // hours, m, b) for s, hour, m, b, _ in counts],
                )


def series_id(connection: Connection, series: Series) -> int:
    """Return the number of a series, which is made where there is none."""
    found = connection.execute(_FIND_SERIES, series).fetchone()
    if found is None:
        connection.execute(_MAKE_SERIES, series)
        found = connection.execute(_FIND_SERIES, series).fetchone()
    return int(found[0])


_SERIES_COLUMNS = ("project_id", "kind", "provider", "model", "environment", "prompt_name", "prompt_version")
_FIND_SERIES = f"SELECT id FROM series WHERE {' AND '.join(f'{column} = ?' for column in _SERIES_COLUMNS)}"
_MAKE_SERIES = f"INSERT INTO series ({', '.join(_SERIES_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_ADD_SUMS = (
    f"INSERT INTO r_hour (series_id, hour, {', '.join(SUMS)}) VALUES ({', '.join('?' * (2 + len(SUMS)))}) "
    f"ON CONFLICT (series_id, hour) DO UPDATE SET {', '.join(f'{n} = r_hour.{n} + excluded.{n}' for n in SUMS)}"
)
_ADD_HOURS = (
    "INSERT INTO h_hour (series_id, hour, measure, bucket, n) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (series_id, hour, measure, bucket) DO UPDATE SET n = h_hour.n + excluded.n"
)
_ADD_DAYS = (
    "INSERT INTO h_day (series_id, day, measure, bucket, n) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (series_id, day, measure, bucket) DO UPDATE SET n = h_day.n + excluded.n"
)
_NOTE_CHANGES = (
    "INSERT INTO rollup_days (project_id, day, changes) VALUES (?, ?, 1) "
    "ON CONFLICT (project_id, day) DO UPDATE SET changes = rollup_days.changes + 1"
)
