"""What a store of SQL answers, whichever database runs the SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from ..outline import Outline
from ..query.calls import Call
from ..query.filters import Query
from ..query.measures import CallPoint, Measured, SessionCosts, Steps, Tallied
from ..record import Record, TraceSummary
from . import figures, measures, newest, session_pages, tally
from .address import id_bytes, part_of, span_range
from .assemble import Assembler, Make, placed_summary, summary_of
from .attribute_words import MOST_LOOKED_AT, asks_of_attributes, commonest
from .base import Bar, Extent, FacetValue, Page, SessionSummary, Totals, Trace
from .by_text import Placed, page_by_text
from .connection import Connection
from .find import span_page, trace_page
from .kept_measures import KeptMeasures
from .label_order import is_by_label, texts_of_labels
from .orders import SPAN_TEXTS
from .outline import call_of, read_outline
from .projects import project_names
from .rows import SpanRow
from .small_store import SmallStore
from .span_texts import span_texts

T = TypeVar("T")
PAGE_OF_ALL: Final = 200


FIND_SPAN: Final = (
    "SELECT s.*, t.trace_id FROM spans s CROSS JOIN traces t ON t.id = s.id >> 24 "
    "WHERE s.span_id = ? AND s.project_id = ? {} ORDER BY s.start_ns DESC LIMIT 1"
)


class SqlStore(SmallStore):
    """The questions of a store, asked in SQL of the connections that an engine gives."""

    find_span = FIND_SPAN.format("")
    """Finds a span, with its trace's id, by its own id and its project's number."""
    find_span_of_trace = FIND_SPAN.format("AND t.trace_id = ?")
    """The same of a trace, by its id too."""

    def __init__(self) -> None:
        self._measures = KeptMeasures()

    def _reading(self, project: str) -> AbstractContextManager[tuple[Connection, int | None]]:
        """Give a connection that sees one moment, and the number of *project*, ``None`` where there is none."""
        raise NotImplementedError

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the tables."""
        with self._reading("") as (connection, _):
            yield connection

    def _proving(self, most: int | None = None) -> AbstractContextManager[Callable[[], bool]]:  # noqa: ARG002
        """Prove few spans within, where proving is dear; what is given says whether they were enough."""
        return nullcontext(lambda: True)

    def _traces_of(self, query: Query) -> Sequence[int] | None:  # noqa: ARG002  # an engine may know more
        """Return the rows of the traces that have the spans which *query* finds, ``None`` where that is not known."""
        return None

    def _nearest(self, query: Query, few_of_all: int | None = None) -> Iterable[tuple[float, int]] | None:  # noqa: ARG002
        """Return the traces that can have spans of a page, as ``candidates.py`` gives them, where they are known."""
        return None

    def _newest(self, query: Query) -> Iterable[tuple[float, int]] | None:
        """Return the same for the newest spans of all, where words tell it."""
        if not newest.is_told_by_words(query.filter):
            return None
        return self._nearest(replace(query, cursor=None, sort="-time"), newest.FEW_OF_ALL)

    def find_traces(self, query: Query) -> Page[TraceSummary]:
        """Return one page of traces, in any of the orders of ``orders.py``; with ``-`` descending."""
        if is_by_label(query.sort):
            return page_by_text(query, texts_of_labels(self, query), lambda some: self._page(some, placed_summary))
        return self._page(query, summary_of)

    def _page(self, query: Query, make: Make[T]) -> Page[T]:
        """Return one page of traces, each made by *make* of the project's name and its row."""
        with self._reading(query.project) as (connection, project_id):
            if project_id is None:
                return Page(())
            return trace_page(connection, project_id, query, partial(make, query.project))

    def find_spans(self, query: Query) -> Page[Record]:
        """Return one page of whole spans, newest first unless the query sorts otherwise."""
        return self._in_order(query, self._records_page)

    def _records_page(self, query: Query) -> Page[Placed[Record]]:
        among, nearest = self._traces_of(query), self._nearest(query)
        with self._reading(query.project) as (connection, project_id):
            if project_id is None:
                return Page(())
            page = span_page(
                connection, project_id, query, lambda row: (SpanRow._make(row[:-1]), row[-1]), among, nearest
            )
            records = Assembler(connection).records(query.project, page.items)
            places = ((row.start_ns, row.id) for row, _ in page.items)
            placed = tuple((one, *place) for one, place in zip(records, places, strict=True))
            return Page(placed, page.next_cursor, page.previous_cursor)

    def find_calls(self, query: Query) -> Page[Call]:
        """Return the same page as ``find_spans``, of each span what its row knows."""
        return self._in_order(query, self._calls_page)

    def _calls_page(self, query: Query) -> Page[Placed[Call]]:
        def call(row: tuple[Any, ...]) -> Placed[Call]:
            of_span = SpanRow._make(row[:-1])
            return call_of(of_span, row[-1]), of_span.start_ns, of_span.id

        among, nearest = self._traces_of(query), self._nearest(query)
        with self._reading(query.project) as (connection, project_id):
            if project_id is None:
                return Page(())
            return span_page(connection, project_id, query, call, among, nearest)

    def _in_order(self, query: Query, find: Callable[[Query], Page[Placed[T]]]) -> Page[T]:
        """Return one page of spans in any of their orders; *find* finds them in one that the database knows."""
        if query.sort.removeprefix("-") in SPAN_TEXTS:
            with self._reading(query.project) as (connection, project_id):
                texts = span_texts(connection, project_id or 0, query)
            if texts is not None:
                return page_by_text(query, texts, find)
        page = find(query)
        return Page(tuple(one for one, _, _ in page.items), page.next_cursor, page.previous_cursor)

    def each_span(self, query: Query) -> Iterator[Record]:
        """Yield every matching span, whole, a page at a time."""
        cursor: str | None = query.cursor
        while True:
            page = self.find_spans(replace(query, cursor=cursor, limit=PAGE_OF_ALL))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def trace(self, project: str, trace_id: str) -> Trace | None:
        """Return one trace with its spans, or ``None``."""
        with self._reading(project) as (connection, project_id):
            asked = "SELECT * FROM traces WHERE project_id = ? AND trace_id = ?"
            found = connection.execute(asked, (project_id, id_bytes(trace_id, "Trace id"))).fetchone()
            if found is None:
                return None
            records = Assembler(connection).trace(project, found[0], found[2])
            return Trace(summary_of(project, found), tuple(records))

    def extent(self, project: str, trace_id: str) -> Extent | None:
        """Return how many spans a trace has, and what tells this state of it from all others, or ``None``."""
        with self._reading(project) as (connection, project_id):
            found = connection.execute(
                "SELECT span_count, id, places FROM traces WHERE project_id = ? AND trace_id = ?",
                (project_id, id_bytes(trace_id, "Trace id")),
            ).fetchone()
            return None if found is None else Extent(found[0], f"{found[1]}.{found[2]}")

    def outline(self, project: str, trace_id: str) -> Trace | None:
        """Return a trace as its tree shows it, or ``None``: spans without attributes, messages and events."""
        with self._reading(project) as (connection, project_id):
            asked = "SELECT * FROM traces WHERE project_id = ? AND trace_id = ?"
            found = connection.execute(asked, (project_id, id_bytes(trace_id, "Trace id"))).fetchone()
            if found is None:
                return None
            outline = read_outline(connection, project, found[0], trace_id.lower())
            return Trace(summary_of(project, found), outline)

    def outlines(self, project: str, trace_ids: Sequence[str]) -> Iterator[tuple[str, Outline]]:
        """Yield the ids of those traces that there are, in that order, each with its spans as ``outline`` has them."""
        raw = [id_bytes(trace_id, "Trace id") for trace_id in trace_ids]
        asked = f"SELECT trace_id, id FROM traces WHERE project_id = ? AND trace_id IN ({', '.join('?' * len(raw))})"
        with self._reading(project) as (connection, project_id):
            row_of = dict(connection.execute(asked, (project_id, *raw)).fetchall()) if raw else {}
            for trace_id in (one for one in raw if one in row_of):
                yield trace_id.hex(), read_outline(connection, project, row_of[trace_id], trace_id.hex())

    def spans_of(self, project: str, trace_id: str, span_ids: Sequence[str]) -> tuple[Record, ...]:
        """Return some spans of a trace, whole, in the order they started."""
        wanted = list(dict.fromkeys(id_bytes(span_id, "Span id") for span_id in span_ids))
        if not wanted:
            return ()
        with self._reading(project) as (connection, project_id):
            asked = "SELECT * FROM traces WHERE project_id = ? AND trace_id = ?"
            found = connection.execute(asked, (project_id, id_bytes(trace_id, "Trace id"))).fetchone()
            if found is None:
                return ()
            rows = connection.execute(
                "SELECT * FROM spans WHERE id >> 36 = ? AND id BETWEEN ? AND ? "
                f"AND span_id IN ({', '.join('?' * len(wanted))}) ORDER BY start_ns, id",
                (part_of(found[0]), *span_range(found[0]), *wanted),
            ).fetchall()
            whole = [(SpanRow._make(row), found[2]) for row in rows]
            return tuple(Assembler(connection).records(project, whole))

    def span(self, project: str, span_id: str, trace_id: str | None = None) -> Record | None:
        """Return one span, or ``None``; the newest where two traces share the id."""
        values = () if trace_id is None else (id_bytes(trace_id, "Trace id"),)
        asked = self.find_span if trace_id is None else self.find_span_of_trace
        with self._reading(project) as (connection, project_id):
            found = connection.execute(asked, (id_bytes(span_id, "Span id"), project_id, *values)).fetchone()
            if found is None:
                return None
            return Assembler(connection).records(project, [(SpanRow._make(found[:-1]), found[-1])])[0]

    def find_sessions(self, query: Query) -> Page[SessionSummary]:
        """Return one page of sessions with a trace that *query* finds."""
        with self._reading(query.project) as (connection, project_id):
            return session_pages.session_page(connection, project_id or 0, query)

    def session_of(self, project: str, session_id: str) -> SessionSummary | None:
        """Return what all traces of a session come to, ``None`` where there is none."""
        with self._reading(project) as (connection, project_id):
            return session_pages.session_summary(connection, project_id or 0, session_id)

    def roots(self, project: str, trace_ids: Sequence[str]) -> Mapping[str, Record]:
        """Return the root span of each trace there is, by trace id."""
        with self._reading(project) as (connection, project_id):
            return session_pages.roots(connection, project, project_id or 0, trace_ids)

    # --- figures -----------------------------------------------------------------------------------------------------

    def totals(self, query: Query) -> Totals:
        """Return the figures above the list; of the newest 10,000 where more match, and the count says so."""
        with self._reading(query.project) as (connection, project_id), self._proving() as enough:
            found = figures.totals(connection, project_id or 0, query)
            return found if enough() else replace(found, traces=replace(found.traces, exact=False))

    def histogram(self, query: Query, bars: int) -> tuple[Bar, ...]:
        """Return traces over time in *bars* equal steps, empty ones too."""
        with self._reading(query.project) as (connection, project_id), self._proving():
            return figures.histogram(connection, project_id or 0, query, bars)

    def facets(self, query: Query, fields: Sequence[str], limit: int = 5) -> Mapping[str, tuple[FacetValue, ...]]:
        """Return the commonest values of *fields*; a field's own terms do not narrow its counts."""
        with self._reading(query.project) as (connection, project_id), self._proving():
            return figures.facets(connection, project_id or 0, query, fields, limit)

    def values(self, project: str, field: str, prefix: str, limit: int = 10) -> tuple[FacetValue, ...]:
        """Return values that exist and begin with *prefix*, for completion; of attributes those of the newest spans."""
        if asks_of_attributes(field):
            newest = self.find_spans(Query(project, limit=MOST_LOOKED_AT)).items
            return tuple(FacetValue(*one) for one in commonest(newest, field, prefix, limit))
        with self._reading(project) as (connection, project_id):
            return figures.values(connection, project_id or 0, field, prefix, limit)

    def measure(self, query: Query, by: str, steps: Steps, *, times: bool = True) -> Measured:
        """Return what the calls that *query* finds come to in each of *steps*, split *by* a key of ``SPLITS``."""
        with self._reading(query.project) as (connection, project_id):
            if measures.rollups_tell(query.filter, by, steps):
                return self._measures.measure(connection, project_id or 0, query.filter, by, steps, times=times)
            return measures.measure(connection, project_id or 0, query, by, steps)

    def tally(
        self, query: Query, by: Sequence[str], *, traces: bool = False, percentiles: bool = False
    ) -> tuple[Tallied, ...]:
        """Return what all spans that *query* finds come to, *by* keys of ``KEYS``; without keys as one series."""
        with self._reading(query.project) as (connection, project_id):
            return tally.tally(connection, project_id or 0, query, by, traces=traces, percentiles_too=percentiles)

    def tally_of_days(self, query: Query) -> tuple[Tallied, tuple[Tallied, ...]]:
        """Return what all spans that *query* finds come to, with how many traces they are of, and the same by day."""
        with self._reading(query.project) as (connection, project_id):
            return tally.tally_of_days(connection, project_id or 0, query)

    def range_of_calls(self, project: str) -> tuple[int, int] | None:
        """Return the whole hours in which there are calls, ``None`` where there is none."""
        with self._reading(project) as (connection, project_id):
            return measures.range_of_calls(connection, project_id or 0)

    def session_costs(self, query: Query) -> SessionCosts:
        """Return what the newest priced calls that *query* finds cost by session."""
        nearest = self._newest(query)
        with self._reading(query.project) as (connection, project_id):
            if project_id is None:
                return SessionCosts()
            return measures.session_costs(connection, project_id, query, nearest)

    def call_points(self, query: Query, most: int) -> tuple[CallPoint, ...]:
        """Return the newest answered calls that say how many tokens they gave."""
        nearest = self._newest(query)
        with self._reading(query.project) as (connection, project_id):
            return measures.call_points(connection, project_id or 0, query, most, nearest)

    def projects(self) -> tuple[str, ...]:
        """Return the names of the projects there are, in order."""
        with self._reading("") as (connection, _):
            return project_names(connection)
