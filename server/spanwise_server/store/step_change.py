"""In which hours of its steps a transaction counts a trace in, and in which out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from .connection import Connection
from .rows import SpanRow
from .step_hours import Step, Turned, turned_by, turned_in_an_hour


class StepChange:
    """The traces that steps gain and lose."""

    def __init__(self) -> None:
        self._traces: dict[tuple[Step, int, int], int] = {}
        self._taken = False

    @property
    def steps(self) -> set[Step]:
        """The steps that it touches."""
        return {step for step, _, _ in self._traces}

    def turn(self, project_id: int, turned: Iterable[Turned]) -> None:
        """Count a trace in or out of the hours of its steps."""
        for name, kind, hour, previous, n in turned:
            self._taken = self._taken or n < 0
            key = (project_id, name, kind), hour, previous
            self._traces[key] = self._traces.get(key, 0) + n

    def turn_trace(self, rows: Sequence[SpanRow], sign: int) -> None:
        """Count a trace, of which these are all rows, in the hours of its steps or out of them."""
        turned = turned_in_an_hour((), rows)
        if turned is None:
            turned = turned_by((), rows)
        self.turn(rows[0].project_id, [(name, kind, hour, before, n * sign) for name, kind, hour, before, n in turned])

    def apply(self, connection: Connection, ids: Mapping[Step, int]) -> None:
        """Write the change; steps without an id are not counted."""
        traces = sorted(
            (ids[step], hour, previous, n)
            for (step, hour, previous), n in self._traces.items() if n and step in ids
        )  # fmt: skip
        connection.put_numbers("t_step", ("step_id", "hour", "previous", "n"), traces, _ADD_TRACES)
        if self._taken:
            connection.executemany(_DROP_TRACES, [row[:3] for row in traces])


_ADD_TRACES: Final = "ON CONFLICT (step_id, hour, previous) DO UPDATE SET n = t_step.n + excluded.n"
_DROP_TRACES: Final = "DELETE FROM t_step WHERE step_id = ? AND hour = ? AND previous = ? AND n = 0"
