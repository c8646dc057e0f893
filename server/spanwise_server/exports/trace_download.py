"""Every trace that a query finds as one streamed file, and how far each such file is."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..errors import NotFound
from ..query.filters import Query
from ..store.base import SpanStore
from .trace_files import TraceExport
from .whole_trace import WholeTrace

_PAGE: Final = 100
_MOST_REMEMBERED: Final = 100
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(slots=True)
class Run:
    """One file on its way: how many traces are in it, and of how many."""

    project: str
    of: int
    of_is_exact: bool = True
    done: int = 0
    state: str = "running"
    """Or ``done``, or ``stopped`` where whoever fetched it went away or the server failed."""

    def told(self, file: Iterator[bytes]) -> Iterator[bytes]:
        """Yield *file*, and say at its end whether it is whole."""
        try:
            yield from file
            self.state = "done"
        finally:
            if self.state != "done":
                self.state = "stopped"


class Runs:
    """The newest files on their way by the ids that those who fetch them chose; the oldest are forgotten."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, Run] = OrderedDict()

    def begin(self, run_id: str | None, run: Run) -> Run:
        """Remember *run* under *run_id*, if that is an id, and return it."""
        if run_id is not None and _ID.fullmatch(run_id):
            self._runs[run_id] = run
            while len(self._runs) > _MOST_REMEMBERED:
                self._runs.popitem(last=False)
        return run

    def find(self, run_id: str, project: str) -> Run:
        """Return the run of that id in *project*."""
        run = self._runs.get(run_id)
        if run is None or run.project != project:
            raise NotFound(f"There is no export {run_id}.", "Give `progress=` to the export first.")
        return run


def trace_file(store: SpanStore, query: Query, export: TraceExport, run: Run) -> Iterator[bytes]:
    """Return the file of all traces that *query* finds, in its order, and count them in *run*."""
    return run.told(export.write(_counted(each_trace(store, query, with_spans=export.with_spans), run)))


def each_trace(store: SpanStore, query: Query, *, with_spans: bool) -> Iterator[WholeTrace]:
    """Yield every matching trace, a page at a time; one that is deleted meanwhile is left out."""
    cursor: str | None = None
    while True:
        page = store.find_traces(replace(query, cursor=cursor, limit=_PAGE))
        judged = store.annotations(query.project, [trace.trace_id for trace in page.items])
        for summary in page.items:
            labels = judged.get(summary.trace_id, ())
            if not with_spans:
                yield WholeTrace(summary, (), labels)
            elif (trace := store.trace(query.project, summary.trace_id)) is not None:
                yield WholeTrace(trace.summary, trace.records, labels)
        cursor = page.next_cursor
        if cursor is None:
            return


def _counted(traces: Iterator[WholeTrace], run: Run) -> Iterator[WholeTrace]:
    for trace in traces:
        yield trace
        run.done += 1
