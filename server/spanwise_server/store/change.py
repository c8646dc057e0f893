"""What one transaction of the writer changes: the rows that it puts in, and the traces as they stand meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .ready import Chunk
from .rollup_change import RollupChange
from .rows import SpanRow
from .running import RunningSummary
from .step_hours import turned_by, turned_in_an_hour
from .tables import SpanTable, TraceTable

SPAN_COLUMNS: Final = tuple(SpanTable.__table__.columns.keys())  # type: ignore[attr-defined]  # SQLModel adds it
TRACE_COLUMNS: Final = tuple(TraceTable.__table__.columns.keys())  # type: ignore[attr-defined]  # as above
#: The tables that are made anew of spans.
DERIVED: Final = (
    "r_hour", "h_hour", "h_day", "r_step", "h_step_hour", "h_step_day", "t_step", "steps", "trace_words", "words",
    "series",
)  # fmt: skip


@dataclass(slots=True)
class TraceAtWrite:
    """A trace as it stands in the store, and what has come of it."""

    row: int
    project_id: int
    trace_id: bytes
    old: dict[bytes, SpanRow]
    """Its spans by their ids; where it has a running summary, only those that come again."""
    chunks: list[Chunk]
    places: int = 0
    words: tuple[int, ...] = ()
    start_ns: int | None = None
    """``None`` where the trace is new."""
    labels: Iterable[str] = ()
    running: RunningSummary | None = None


@dataclass(slots=True)
class Change:
    """The rows that one transaction writes."""

    spans: list[SpanRow]
    spans_changed: list[SpanRow]
    payloads: list[tuple[int, bytes]]
    texts: dict[bytes, bytes]
    owners: dict[bytes, int]
    """The trace that each of the texts comes with."""
    uses: set[tuple[int, bytes]]
    """Which traces need which texts of others, these and those that are there."""
    media: set[tuple[int, bytes, bytes]]
    traces_made: list[tuple[Any, ...]]
    traces_changed: list[tuple[Any, ...]]
    words_put: list[tuple[int, int, int]]
    words_dropped: list[tuple[int, int, int]]
    rollups: RollupChange

    @classmethod
    def none(cls) -> Change:
        """Return one that changes nothing."""
        return cls([], [], [], {}, {}, set(), set(), [], [], [], [], RollupChange())

    def count(self, was: SpanRow | None, now: SpanRow) -> None:
        """Have a span be *now* what it *was* before, ``None`` where it is new, in the rows and in the rollups."""
        if now == was:
            return
        self.rollups.add(now)
        if was is None:
            self.spans.append(now)
        else:
            self.rollups.take(was)
            self.spans_changed.append(now)

    def turn(self, trace: TraceAtWrite, rows: Mapping[bytes, SpanRow]) -> None:
        """Count a trace, whose spans are now these *rows*, in the hours of its steps."""
        were, now = list(trace.old.values()), list(rows.values())
        turned = turned_in_an_hour(were, now)
        self.rollups.of_steps.turn(trace.project_id, turned_by(were, now) if turned is None else turned)
