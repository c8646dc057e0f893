"""What one transaction adds to the rollups and takes from them, of series and of steps together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from .address import trace_row_of
from .connection import Connection
from .rollups import HOUR_NS, HOURS_A_DAY, OF_SERIES, Hour
from .rows import SpanRow
from .step_change import StepChange, buckets_of_times
from .step_hours import Step

Series = tuple[int, str, str, str, str, str, str]


def series_of(row: SpanRow) -> Series:
    """Return what the rollups of this span are split by."""
    return (
        row.project_id, row.kind, row.provider or "", row.model or "", row.environment or "",
        row.prompt_name or "", row.prompt_version or "",
    )  # fmt: skip


class RollupChange:
    """What one transaction changes."""

    def __init__(self) -> None:
        self._hours: dict[tuple[Series, int], Hour] = {}
        self._taken = False
        self.of_steps = StepChange()

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
            hour = self._hours[key] = Hour()
        took, waited = buckets_of_times(row)
        hour.change(row, sign, took, waited)
        self.of_steps.change(row, sign, took, waited)

    def apply(self, connection: Connection, series_ids: dict[Series, int], step_ids: Mapping[Step, int]) -> None:
        """Write the change; *series_ids* remembers the ids found and made, steps without one are not counted."""
        for series in self.series - series_ids.keys():
            series_ids[series] = series_id(connection, series)
        hours = {(series_ids[series], hour): of for (series, hour), of in self._hours.items()}
        OF_SERIES.add(connection, hours, taken=self._taken)
        changed = sorted({(series[0], hour // HOURS_A_DAY) for series, hour in self._hours})
        connection.executemany(_NOTE_CHANGES, changed)
        self.of_steps.apply(connection, step_ids)


def taken_out(rows: Iterable[SpanRow]) -> RollupChange:
    """Return the change by which whole traces go, of which these are all rows in the order of their addresses."""
    rollups, traces = RollupChange(), list[SpanRow]()
    for row in rows:
        rollups.take(row)
        if traces and trace_row_of(traces[0].id) != trace_row_of(row.id):
            rollups.of_steps.turn_trace(traces, -1)
            traces = []
        traces.append(row)
    if traces:
        rollups.of_steps.turn_trace(traces, -1)
    return rollups


def series_id(connection: Connection, series: Series) -> int:
    """Return the number of a series, which is made where there is none."""
    found = connection.execute(_FIND_SERIES, series).fetchone()
    if found is None:
        connection.execute(_MAKE_SERIES, series)
        found = connection.execute(_FIND_SERIES, series).fetchone()
    return int(found[0])


_SERIES_COLUMNS: Final = ("project_id", "kind", "provider", "model", "environment", "prompt_name", "prompt_version")
_FIND_SERIES: Final = f"SELECT id FROM series WHERE {' AND '.join(f'{column} = ?' for column in _SERIES_COLUMNS)}"
_MAKE_SERIES: Final = (
    f"INSERT INTO series ({', '.join(_SERIES_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_NOTE_CHANGES: Final = (
    "INSERT INTO rollup_days (project_id, day, changes) VALUES (?, ?, 1) "
    "ON CONFLICT (project_id, day) DO UPDATE SET changes = rollup_days.changes + 1"
)
