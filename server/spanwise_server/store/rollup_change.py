"""What one transaction adds to the rollups and takes from them, of series and of steps together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from .address import trace_row_of
from .connection import Connection
from .rollups import HOUR_NS, HOURS_A_DAY, OF_SERIES, OF_STEPS, Hour
from .rows import SpanRow
from .step_change import StepChange
from .step_hours import Step, is_step

Series = tuple[int, str, str, str, str, str, str]


def series_of(row: SpanRow) -> Series:
    """Return what the rollups of this span are split by."""
    return (
        row.project_id, row.kind, row.provider or "", row.model or "", row.environment or "",
        row.prompt_name or "", row.prompt_version or "",
    )  # fmt: skip


class RollupChange:
    """What one transaction changes.

    A span is counted once, in the hour of its series and name; what series and steps gain is put together of these.
    """

    def __init__(self, *, series_are_counted: bool = False) -> None:
        self._hours: dict[tuple[Series, str, int], Hour] = {}
        self._taken = False
        self._series_are_counted = series_are_counted
        self.of_steps = StepChange()

    @property
    def series(self) -> set[Series]:
        """The series that it touches."""
        return set() if self._series_are_counted else {series for series, _, _ in self._hours}

    @property
    def steps(self) -> set[Step]:
        """The steps that it touches."""
        of_spans = {(series[0], name, series[1]) for series, name, _ in self._hours if is_step(name)}
        return of_spans | self.of_steps.steps

    def add(self, row: SpanRow) -> None:
        """Count *row* in."""
        self._change(row, 1)

    def take(self, row: SpanRow) -> None:
        """Count *row*, as it stood before, out."""
        self._taken = True
        self._change(row, -1)

    def _change(self, row: SpanRow, sign: int) -> None:
        key = series_of(row), row.name, row.start_ns // HOUR_NS
        hour = self._hours.get(key)
        if hour is None:
            hour = self._hours[key] = Hour()
        hour.change(row, sign)

    def apply(self, connection: Connection, series_ids: dict[Series, int], step_ids: Mapping[Step, int]) -> None:
        """Write the change; *series_ids* remembers the ids found and made, steps without one are not counted."""
        touched = self.series
        for series in [series for series in touched if series not in series_ids]:
            series_ids[series] = series_id(connection, series)
        of_series: dict[tuple[int, int], Hour] = {}
        of_steps: dict[tuple[int, int], Hour] = {}
        for (series, name, at), hour in self._hours.items():
            if series in touched:
                _put(of_series, (series_ids[series], at), hour)
            step = step_ids.get((series[0], name, series[1]))
            if step is not None:
                _put(of_steps, (step, at), hour)
        OF_SERIES.add(connection, of_series, taken=self._taken)
        changed = sorted({(series[0], at // HOURS_A_DAY) for series, _, at in self._hours if series in touched})
        connection.executemany(_NOTE_CHANGES, changed)
        OF_STEPS.add(connection, of_steps, taken=self._taken)
        self.of_steps.apply(connection, step_ids)


def _put(hours: dict[tuple[int, int], Hour], key: tuple[int, int], hour: Hour) -> None:
    there = hours.get(key)
    hours[key] = hour if there is None else there.with_(hour)


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
