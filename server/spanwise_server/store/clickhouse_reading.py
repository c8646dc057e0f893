"""What is asked of a store on ClickHouse: lists and figures of its large tables, judgements of the small ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from ..outline import Outline
from ..query.calls import Call
from ..query.filters import Query, Term
from ..query.measures import CallPoint, Measured, SessionCosts, Steps, Tallied
from ..record import Event, Record, TraceSummary
from . import clickhouse_facets as facets
from . import clickhouse_figures as figures
from . import clickhouse_sessions as sessions
from .address import id_bytes
from .attribute_words import MOST_LOOKED_AT, asks_of_attributes, commonest
from .base import Bar, Extent, FacetValue, Page, SessionSummary, Totals, Trace
from .by_text import page_by_text
from .clickhouse_days import Changes, changes_of
from .clickhouse_find import Finder, summary_of
from .clickhouse_judged import first_labels, label_counts, labels_given, traces_judged
from .clickhouse_large import Key
from .clickhouse_rows import TRACE_COLUMNS, Kept, record_of
from .clickhouse_server import Server
from .clickhouse_small import SmallDatabase
from .clickhouse_tally import tally
from .conditions import Sql
from .connection import Connection
from .judged import asks_of_judgements, judged_values
from .kept_days import KeptDays
from .kept_measures import KeptMeasures
from .label_order import is_by_label, texts_of_labels
from .log_rows import any_logs, logs_of
from .outline import call_of
from .projects import find_project, project_names
from .small_store import SmallStore
from .summary import summarise

_PAGE_OF_ALL: Final = 200
#: Traces whose spans are asked for together.
_TRACES_AT_ONCE: Final = 20


class ClickHouseReader(SmallStore):
    """The questions of the store; whoever derives from it gives the databases."""

    server: Server
    """Where the large tables lie."""
    _projects: dict[str, int]
    _kept_days: KeptDays
    _measures: KeptMeasures

    @property
    def _open(self) -> SmallDatabase:
        """The small tables, as long as the store is open."""
        raise NotImplementedError

    @contextmanager
    def _reading(self, project: str) -> Iterator[tuple[Connection, int | None]]:
        """Give a connection to the small tables, and the number of *project*, ``None`` where there is none."""
        with self._open.read() as connection:
            yield connection, find_project(connection, project)

    def find_traces(self, query: Query) -> Page[TraceSummary]:
        """Return one page of traces, in any of the orders of ``orders.py``; with ``-`` descending."""
        finder = self._finder(query.project)
        if is_by_label(query.sort):
            return page_by_text(query, texts_of_labels(self, query), finder.placed_traces)
        return finder.traces(query)

    def find_spans(self, query: Query) -> Page[Record]:
        """Return one page of whole spans, newest first unless the query sorts otherwise."""
        page = self._finder(query.project).spans(query)
        return Page(tuple(self._records(query.project, page.items)), page.next_cursor, page.previous_cursor)

    def find_calls(self, query: Query) -> Page[Call]:
        """Return the same page as ``find_spans``, of each span what its row knows."""
        page = self._finder(query.project).spans(query, whole=False)
        return Page(
            tuple(call_of(kept.row, kept.trace_id) for kept in page.items), page.next_cursor, page.previous_cursor
        )

    def each_span(self, query: Query) -> Iterator[Record]:
        """Yield every matching span, whole, a page at a time."""
        query = replace(query, limit=_PAGE_OF_ALL)
        while True:
            page = self.find_spans(query)
            yield from page.items
            if page.next_cursor is None:
                return
            query = replace(query, cursor=page.next_cursor)

    def extent(self, project: str, trace_id: str) -> Extent | None:
        """Return how many spans a trace has, and what tells this state of it from all others, or ``None``."""
        return self._finder(project).extent(id_bytes(trace_id, "Trace id"))

    def outline(self, project: str, trace_id: str) -> Trace | None:
        """Return a trace as its tree shows it, or ``None``: spans without attributes, messages and events."""
        return self._finder(project).outline(id_bytes(trace_id, "Trace id"))

    def outlines(self, project: str, trace_ids: Sequence[str]) -> Iterator[tuple[str, Outline]]:
        """Yield the ids of those traces that there are, in that order, each with its spans as ``outline`` has them."""
        raw = [id_bytes(trace_id, "Trace id") for trace_id in trace_ids]
        for at in range(0, len(raw), _TRACES_AT_ONCE):
            some = raw[at : at + _TRACES_AT_ONCE]
            found = self._finder(project).outlines(some)
            yield from ((trace_id.hex(), found[trace_id]) for trace_id in some if trace_id in found)

    def spans_of(self, project: str, trace_id: str, span_ids: Sequence[str]) -> tuple[Record, ...]:
        """Return some spans of a trace, whole, in the order they started."""
        wanted = list(dict.fromkeys(id_bytes(span_id, "Span id") for span_id in span_ids))
        return tuple(self._records(project, self._finder(project).spans_of(id_bytes(trace_id, "Trace id"), wanted)))

    def trace(self, project: str, trace_id: str) -> Trace | None:
        """Return one trace with its spans, summed up as they were at that moment, or ``None``."""
        raw = id_bytes(trace_id, "Trace id")
        kept = self._finder(project).trace_of(raw)
        if not kept:
            return None
        row = (kept[0].row.project_id, raw, 0, (), *summarise(one.row for one in kept).columns, 0, 0)
        assert len(row) == len(TRACE_COLUMNS), "a summary has the columns of a trace"  # noqa: S101 - by construction
        return Trace(summary_of(project, row), tuple(self._records(project, kept)))

    def span(self, project: str, span_id: str, trace_id: str | None = None) -> Record | None:
        """Return one span, or ``None``; the newest where two traces share the id."""
        asked = [Sql("s.span_id = ?", (id_bytes(span_id, "Span id"),))]
        if trace_id is not None:
            asked.append(Sql("s.trace_id = ?", (id_bytes(trace_id, "Trace id"),)))
        kept = self._finder(project).kept(Sql.all(asked), "ORDER BY start_ns DESC LIMIT 1")
        return next(iter(self._records(project, kept)), None)

    def find_sessions(self, query: Query) -> Page[SessionSummary]:
        """Return one page of sessions with a trace that *query* finds."""
        return sessions.sessions(self._finder(query.project), query)

    def session_of(self, project: str, session_id: str) -> SessionSummary | None:
        """Return what all traces of a session come to, ``None`` where there is none."""
        return sessions.summaries(self._finder(project), [session_id]).get(session_id)

    def roots(self, project: str, trace_ids: Sequence[str]) -> Mapping[str, Record]:
        """Return the root span of each trace there is, by trace id."""
        found = self._finder(project).roots([id_bytes(trace_id, "Trace id") for trace_id in trace_ids])
        return {record.span.trace_id: record for record in self._records(project, list(found.values()))}

    # --- figures -----------------------------------------------------------------------------------------------------

    def totals(self, query: Query) -> Totals:
        """Return the figures above the list; of the newest 10,000 where more match, and the count says so."""
        return figures.totals(self._finder(query.project), query)

    def histogram(self, query: Query, bars: int) -> tuple[Bar, ...]:
        """Return traces over time in *bars* equal steps, empty ones too."""
        return figures.histogram(self._finder(query.project), query, bars)

    def facets(self, query: Query, fields: Sequence[str], limit: int = 5) -> Mapping[str, tuple[FacetValue, ...]]:
        """Return the commonest values of *fields*; a field's own terms do not narrow its counts."""

        def labels_of(trace_ids: Callable[[], Sequence[bytes]]) -> Counter[str]:
            with self._reading(query.project) as (connection, project_id):
                if not labels_given(connection, project_id or 0, "", 1):
                    return Counter()
                return label_counts(connection, project_id or 0, trace_ids())

        return facets.facets(self._finder(query.project), query, fields, limit, labels_of)

    def values(self, project: str, field: str, prefix: str, limit: int = 10) -> tuple[FacetValue, ...]:
        """Return values that exist and begin with *prefix*, for completion; of attributes those of the newest spans."""
        if asks_of_attributes(field):
            newest = self.find_spans(Query(project, limit=MOST_LOOKED_AT)).items
            return tuple(FacetValue(*one) for one in commonest(newest, field, prefix, limit))
        if field == "label" or asks_of_judgements(field):
            with self._reading(project) as (connection, project_id):
                if field == "label":
                    return labels_given(connection, project_id or 0, prefix, limit)
                return tuple(
                    FacetValue(*one) for one in judged_values(connection, project_id or 0, field, prefix, limit)
                )
        return facets.values(self._finder(project), field, prefix, limit)

    def measure(self, query: Query, by: str, steps: Steps, *, times: bool = True) -> Measured:
        """Return what the calls that *query* finds come to in each of *steps*, split *by* a key of ``SPLITS``."""
        return figures.measure(self._finder(query.project), query, by, steps, times=times)

    def tally(
        self, query: Query, by: Sequence[str], *, traces: bool = False, percentiles: bool = False
    ) -> tuple[Tallied, ...]:
        """Return what all spans that *query* finds come to, *by* keys of ``KEYS``; without keys as one series."""
        return tally(self._finder(query.project), query, by, traces=traces, percentiles_too=percentiles)

    def tally_of_days(self, query: Query) -> tuple[Tallied, tuple[Tallied, ...]]:
        """Return what all spans that *query* finds come to, with how many traces they are of, and the same by day."""
        (total,) = self.tally(query, (), traces=True, percentiles=True)
        return total, self.tally(query, ("day",), percentiles=True)

    def range_of_calls(self, project: str) -> tuple[int, int] | None:
        """Return the whole hours in which there are calls, ``None`` where there is none."""
        return figures.range_of_calls(self._finder(project))

    def session_costs(self, query: Query) -> SessionCosts:
        """Return what the newest priced calls that *query* finds cost by session."""
        return figures.session_costs(self._finder(query.project), query)

    def call_points(self, query: Query, most: int) -> tuple[CallPoint, ...]:
        """Return the newest answered calls that say how many tokens they gave."""
        return figures.call_points(self._finder(query.project), query, most)

    def projects(self) -> tuple[str, ...]:
        """Return the names of the projects there are, in order."""
        with self._open.read() as connection:
            return project_names(connection)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _project(self, name: str) -> int | None:
        known = self._projects.get(name)
        if known is None:
            with self._reading(name) as (_, known):
                if known is not None:
                    self._projects[name] = known
        return known

    def _finder(self, project: str) -> Finder:
        project_id = self._project(project) or 0

        def judged(term: Term) -> Mapping[bytes, frozenset[str]]:
            with self._open.read() as connection:
                return traces_judged(connection, project_id, term)

        def labels() -> Mapping[bytes, str]:
            with self._open.read() as connection:
                return first_labels(connection, project_id)

        def changes() -> Changes:
            with self._open.read() as connection:
                return changes_of(connection, project_id)

        return Finder(self.server, project, project_id, judged, labels, self._kept_days, self._measures, changes)

    def _logs_of(self, project_id: int, trace_id: bytes) -> Mapping[bytes, Sequence[Event]]:
        with self._open.read() as connection:
            return logs_of(connection, project_id, trace_id) if any_logs(connection) else {}

    def _records(self, project: str, found: Sequence[Kept]) -> Iterator[Record]:
        logs: dict[Key, Mapping[bytes, Sequence[Event]]] = {}
        with self._open.read() as connection:
            has_logs = any_logs(connection)
        for kept in found:
            key = kept.row.project_id, kept.trace_id
            if has_logs and key not in logs:
                logs[key] = self._logs_of(*key)
            yield record_of(project, kept, logs.get(key, {}))
