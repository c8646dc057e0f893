"""Pages of traces, spans and sessions from ClickHouse, by keyset in every order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import orjson

from ..errors import SpanwiseError
from ..query.filters import Query
from ..record import TraceSummary
from .base import Extent, Page, SessionSummary, Trace
from .clickhouse_compile import LAST_NS, Compiler, Judged, ids_in
from .clickhouse_rows import SPAN_COLUMNS, TRACE_COLUMNS, Kept, read_kept, word
from .clickhouse_server import Server
from .conditions import Sql
from .cursor import Cursor, read_cursor
from .find import MOST_ITEMS
from .outline import OUTLINE_COLUMNS, outline_of
from .rows import ERROR, STATUSES, usage_of
from .session_order import MOST_ORDERED, NEWEST_FIRST, SessionSums, check_sort, ordered
from .summary import total

T = TypeVar("T")
_SPAN_SORTS: Final = {
    "time": "start_ns", "latency": "duration_ns", "cost": "cost_nusd", "tokens": "total_tokens", "ttft": "ttft_ms",
}  # fmt: skip
_TRACE_SORTS: Final = _SPAN_SORTS | {"spans": "span_count", "errors": "error_count"}
_SORTS: Final = {"s": _SPAN_SORTS, "t": _TRACE_SORTS}
_ALWAYS_SAID: Final = frozenset({"start_ns", "duration_ns", "span_count", "error_count"})
_DAY_NS: Final = 86_400 * 10**9
#: What a page in order of time looks through at first, and how much longer each next stretch is.
_FIRST_STRETCH_NS: Final = _DAY_NS
_LONGER: Final = 8
#: What only searching needs, and who reads a span does not; it is half of it.
_UNREAD: Final = {
    "body": "''", "said_keys": "CAST([], 'Array(String)')", "said_texts": "CAST([], 'Array(String)')",
    "said_numbers": "CAST([], 'Array(Float64)')",
}  # fmt: skip
#: The same of a trace.
_UNSUMMED: Final = {"words": "CAST([], 'Array(String)')", "version": "toUInt64(0)", "gone": "toUInt8(0)"}
_AT: Final = {name: n for n, name in enumerate(TRACE_COLUMNS)}


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds what is in one project."""

    server: Server
    project: str
    project_id: int
    judged: Judged

    def compiler(self, query: Query) -> Compiler:
        """Return what makes conditions of *query*."""
        return Compiler(self.project_id, query, self.judged)

    def traces(self, query: Query) -> Page[TraceSummary]:
        """Return one page of traces."""
        listed = f"SELECT t.trace_id, t.{_column(query, _TRACE_SORTS)}, t.tie, t.start_ns FROM traces AS t"
        page, rows = self._page(query, "t", lambda some: (listed, self.compiler(some).traces()), (1, 2))
        starts = [row[3] for row in rows] or [0]
        summed = self._summed([row[0] for row in rows], min(starts), max(starts))
        whole = {row[_AT["trace_id"]]: row for row in summed}
        found = (whole[row[0]] for row in rows if row[0] in whole)
        return replace(page, items=tuple(summary_of(self.project, row) for row in found))

    def _summed(self, trace_ids: Sequence[bytes], first: int = 0, last: int = LAST_NS) -> list[tuple[Any, ...]]:
        """Return the rows of traces, whole: of those on a page, since all columns of all would be dear to sort."""
        if not trace_ids:
            return []
        which = ids_in("t.trace_id", trace_ids)
        columns = ", ".join(_UNSUMMED.get(name, f"t.{name}") for name in TRACE_COLUMNS)
        text = f"SELECT {columns} FROM traces AS t PREWHERE t.project_id = ? AND {which.text}"
        between = "WHERE t.start_ns >= ? AND t.start_ns <= ?"
        return self.server.rows(Sql(f"{text} {between}", (self.project_id, *which.values, first, last)))

    def spans(self, query: Query) -> Page[Kept]:
        """Return one page of spans."""
        listed = f"SELECT s.trace_id, s.span_id, s.{_column(query, _SPAN_SORTS)}, s.tie FROM spans AS s"
        page, rows = self._page(query, "s", lambda some: (listed, self.compiler(some).spans()), (2, 3))
        whole = {(kept.trace_id, kept.row.span_id): kept for kept in self._whole(rows)}
        return replace(page, items=tuple(whole[key] for row in rows if (key := (row[0], row[1])) in whole))

    def _whole(self, keys: Sequence[Sequence[Any]]) -> list[Kept]:
        if not keys:
            return []
        listed = ", ".join("(?, ?)" for _ in keys)
        traces = ids_in("s.trace_id", list(dict.fromkeys(key[0] for key in keys)))
        return self.kept(
            Sql.all(
                [traces, Sql(f"(s.trace_id, s.span_id) IN ({listed})", tuple(id_ for key in keys for id_ in key[:2]))]
            )
        )

    def kept(self, asked: Sql, after: str = "") -> list[Kept]:
        """Return the spans ``s`` whose ids are what is *asked*, without what only searching needs."""
        columns = ", ".join(f"{_UNREAD.get(name, f's.{name}')} AS {name}" for name in SPAN_COLUMNS)
        text = f"SELECT {columns} FROM spans AS s PREWHERE s.project_id = ? AND ({asked.text}) {after}"
        return list(read_kept(*self.server.table(Sql(text, (self.project_id, *asked.values)))))

    def _page(
        self, query: Query, table: str, listing: Callable[[Query], tuple[str, Sql]], at: tuple[int, int]
    ) -> tuple[Page[Any], list[tuple[Any, ...]]]:
        limit = max(1, min(query.limit, MOST_ITEMS))
        cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
        backwards = cursor is not None and cursor.backwards
        descending = query.sort.startswith("-")
        column = f"{table}.{_column(query, _SORTS[table])}"
        after, order = _beside(column, f"{table}.tie", descending=descending, cursor=cursor)
        rows: list[tuple[Any, ...]] = []
        for some in self.stretches(query, table, rows, limit + 1, cursor, newest_first=descending != backwards):
            listed, where = listing(some)
            asked = Sql.all([where, after])
            text = f"{listed} WHERE {asked.text} ORDER BY {order} LIMIT {limit + 1 - len(rows)}"
            rows += self.server.rows(Sql(text, asked.values))
            if len(rows) > limit:
                break
        more, rows = len(rows) > limit, rows[:limit]
        if backwards:
            rows.reverse()
        if not rows:
            return Page(()), []

        def beside(row: tuple[Any, ...], *, before: bool) -> str:
            return Cursor.at(query.sort, row[at[0]], row[at[1]], backwards=before).text()

        next_cursor = beside(rows[-1], before=False) if more or backwards else None
        previous = beside(rows[0], before=True) if (more if backwards else cursor is not None) else None
        return Page((), next_cursor, previous), rows

    def stretches(
        self,
        query: Query,
        table: str,
        found: Sequence[object],
        wanted: int,
        cursor: Cursor | None = None,
        *,
        newest_first: bool = True,
    ) -> Iterator[Query]:
        """Yield *query* over one stretch of time after another, each longer, where its order is that of time.

        A page is most often full after the first, and only its days are read. How long the next one is follows from
        how much of what is *wanted* was *found* so far.
        """
        if _column(query, _SORTS[table]) != "start_ns":
            yield query
            return
        first, last = self._times(table)
        first = first if query.from_ns is None else max(first, query.from_ns)
        last = last + 1 if query.to_ns is None else min(last + 1, query.to_ns)
        if cursor is not None and cursor.value is not None:
            beyond = int(cursor.value)
            first, last = (first, min(last, beyond + 1)) if newest_first else (max(first, beyond), last)
        step = _FIRST_STRETCH_NS
        while first < last:
            if newest_first:
                begin = max(first, last - step)
                yield replace(query, from_ns=begin, to_ns=last)
                last = begin
            else:
                end = min(last, first + step)
                yield replace(query, from_ns=first, to_ns=end)
                first = end
            step *= max(_LONGER, 2 * wanted // max(1, len(found)))

    def _times(self, table: str) -> tuple[int, int]:
        """Return the first and the last time of any row there is or was, which each part of a table knows by itself."""
        name = "traces" if table == "t" else "spans"
        return self.server.rows(Sql(f"SELECT min(start_ns), max(start_ns) FROM {name} SETTINGS final = 0"))[0]

    def times(self) -> tuple[int, int] | None:
        """Return when the first and the last trace of the project began, ``None`` where there is none.

        Most often they are of the first and the last day there are rows of, and only those two are read.
        """
        first, last = self._times("t")
        edges = first + _DAY_NS, last - _DAY_NS
        begin, end, early, late = self.server.rows(
            Sql(
                "SELECT min(t.start_ns), max(t.start_ns), countIf(t.start_ns < ?), countIf(t.start_ns > ?) "
                "FROM traces AS t WHERE t.project_id = ? AND (t.start_ns < ? OR t.start_ns > ?)",
                (*edges, self.project_id, *edges),
            )
        )[0]
        if early and late:
            return begin, end
        all_of_them = "SELECT min(t.start_ns), max(t.start_ns), count() FROM traces AS t WHERE t.project_id = ?"
        begin, end, n = self.server.rows(Sql(all_of_them, (self.project_id,)))[0]
        return (begin, end) if n else None

    def sessions(self, query: Query) -> Page[SessionSummary]:
        """Return one page of sessions, in the order of *query*."""
        check_sort(query.sort)
        return self._newest_sessions(query) if query.sort == NEWEST_FIRST else self._sorted_sessions(query)

    def _sorted_sessions(self, query: Query) -> Page[SessionSummary]:
        """Return one page of the newest sessions by what they come to."""
        where = self.compiler(replace(query, cursor=None)).traces()
        newest = (
            "SELECT assumeNotNull(t.session_id) AS session FROM traces AS t "
            f"WHERE {where.text} AND t.session_id IS NOT NULL GROUP BY session "
            f"ORDER BY max((t.start_ns, t.tie)) DESC LIMIT {MOST_ORDERED + 1}"
        )
        sessions = [session for (session,) in self.server.rows(Sql(newest, where.values))]
        some = sessions[:MOST_ORDERED]
        if not some:
            return Page(())
        sums = self.server.rows(
            Sql(
                f"SELECT t.session_id, count(), countIf(t.status = {ERROR}), min(t.start_ns), max(t.start_ns), "
                "max(t.start_ns + t.duration_ns), sum(t.cost_nusd), sum(t.unpriced_count), sum(t.total_tokens) "
                f"FROM traces AS t WHERE t.project_id = ? AND t.session_id IN ({', '.join('?' * len(some))}) "
                "GROUP BY t.session_id",
                (self.project_id, *some),
            )
        )
        page = ordered({session: SessionSums(*of) for session, *of in sums}, query)
        found = self.session_summaries(page.sessions)
        return Page(
            tuple(found[session] for session in page.sessions if session in found),
            page.next_cursor,
            page.previous_cursor,
            of_newest=len(some) if len(sessions) > len(some) else None,
        )

    def _newest_sessions(self, query: Query) -> Page[SessionSummary]:
        """Return one page of sessions, the one with the newest trace that *query* finds first."""
        wanted = query.limit + 1
        rows: list[tuple[Any, ...]] = []
        if query.cursor is None:
            for some in self.stretches(replace(query, sort="-time"), "t", rows, wanted):
                met = [session for session, _ in rows]
                others = Sql(f"t.session_id NOT IN ({', '.join('?' * len(met))})", tuple(met)) if met else Sql("1")
                rows += self._sessions_by_newest(some, others, Sql("1"), wanted - len(rows))
                if len(rows) >= wanted:
                    break
        else:
            cursor = read_cursor(query.cursor, NEWEST_FIRST)
            having = Sql("1") if cursor.value is None else Sql("newest < (?, ?)", (cursor.said, cursor.row))
            rows = self._sessions_by_newest(query, Sql("1"), having, wanted)
        more, rows = len(rows) > query.limit, rows[: query.limit]
        found = self.session_summaries([session for session, _ in rows])
        items = tuple(found[session] for session, _ in rows if session in found)
        end = Cursor(NEWEST_FIRST, rows[-1][1][0], rows[-1][1][1]).text() if more else None
        return Page(items, end)

    def _sessions_by_newest(self, query: Query, asked: Sql, having: Sql, most: int) -> list[tuple[Any, ...]]:
        """Return sessions, each with its newest trace that *query* finds, in the order of these."""
        where = self.compiler(query).traces()
        return self.server.rows(
            Sql(
                "SELECT assumeNotNull(t.session_id) AS session, max((t.start_ns, t.tie)) AS newest FROM traces AS t "
                f"WHERE {where.text} AND t.session_id IS NOT NULL AND {asked.text} GROUP BY session "
                f"HAVING {having.text} ORDER BY newest DESC LIMIT {most}",
                (*where.values, *asked.values, *having.values),
            )
        )

    def session_summaries(self, sessions: Sequence[str]) -> dict[str, SessionSummary]:
        """Return what all traces of each session come to."""
        if not sessions:
            return {}
        marks = ", ".join("?" * len(sessions))
        words = [word(("session", session)) for session in sessions]  # by which the index tells where they are
        rows = self.server.rows(
            Sql(
                "SELECT t.session_id, t.status, t.start_ns, t.start_ns + t.duration_ns, t.cost_nusd, t.unpriced_count, "
                "t.total_tokens, t.name, t.user_id, t.environment, t.input_preview, t.output_preview, t.models "
                "FROM traces AS t PREWHERE t.project_id = ? AND t.trace_id IN (SELECT o.trace_id FROM traces AS o "
                f"WHERE o.project_id = ? AND hasAnyTokens(o.words, [{marks}]) AND o.session_id IN ({marks})) "
                "ORDER BY t.start_ns, t.tie",
                (self.project_id, self.project_id, *words, *sessions),
            )
        )
        grouped: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for session, *row in rows:
            grouped[session].append(tuple(row))
        return {session: _session_of(session, of) for session, of in grouped.items()}

    def trace_of(self, trace_id: bytes) -> list[Kept]:
        """Return the spans of a trace in the order they started, as they were at one moment."""
        return self.kept(Sql("s.trace_id = ?", (trace_id,)), "ORDER BY start_ns, span_id")

    def spans_of(self, trace_id: bytes, span_ids: Sequence[bytes]) -> list[Kept]:
        """Return some spans of a trace in the order they started."""
        if not span_ids:
            return []
        asked = Sql.all([Sql("s.trace_id = ?", (trace_id,)), ids_in("s.span_id", span_ids)])
        return self.kept(asked, "ORDER BY start_ns, span_id")

    def extent(self, trace_id: bytes) -> Extent | None:
        """Return how many spans a trace has, and its newest version."""
        asked = Sql(
            "SELECT count(), max(version) FROM spans PREWHERE project_id = ? AND trace_id = ?",
            (self.project_id, trace_id),
        )
        ((spans, version),) = self.server.rows(asked)
        return Extent(spans, str(version)) if spans else None

    def outline(self, trace_id: bytes) -> Trace | None:
        """Return a trace as its tree shows it."""
        where = Sql("PREWHERE t.project_id = ? AND t.trace_id = ?", (self.project_id, trace_id))
        summed = self._summed([trace_id])
        if not summed:
            return None
        columns = ", ".join(f"t.{name}" for name in OUTLINE_COLUMNS)
        rows = self.server.rows(
            Sql(f"SELECT {columns} FROM spans AS t {where.text} ORDER BY start_ns, span_id", where.values)
        )
        return Trace(summary_of(self.project, summed[0]), outline_of(self.project, trace_id.hex(), rows))

    def roots(self, trace_ids: Sequence[bytes]) -> dict[bytes, Kept]:
        """Return the root span of each trace: the earliest without a parent, else the earliest."""
        if not trace_ids:
            return {}
        order = "ORDER BY parent_id IS NOT NULL, start_ns, span_id LIMIT 1 BY trace_id"
        return {kept.trace_id: kept for kept in self.kept(ids_in("s.trace_id", trace_ids), order)}


def _column(query: Query, sorts: Mapping[str, str]) -> str:
    column = sorts.get(query.sort.removeprefix("-"))
    if column is None:
        raise SpanwiseError(
            f"There is no order {query.sort!r}.", f"Sort by {', '.join(sorts)}; with - before it, largest first."
        )
    return column


def _beside(column: str, tie: str, *, descending: bool, cursor: Cursor | None) -> tuple[Sql, str]:
    """Return what lies beyond the cursor, and the order: what does not say what is sorted by comes last."""
    backwards = cursor is not None and cursor.backwards
    falls = descending != backwards
    direction, beyond = ("DESC", "<") if falls else ("ASC", ">")
    unsaid_first = "DESC" if backwards else "ASC"
    order = f"{column} {direction}, {tie} {direction}"
    if column.partition(".")[2] in _ALWAYS_SAID:
        beside = Sql("1") if cursor is None else Sql(f"({column}, {tie}) {beyond} (?, ?)", (cursor.said, cursor.row))
        return beside, order
    order = f"{column} IS NULL {unsaid_first}, {order}"
    if cursor is None:
        return Sql("1"), order
    if cursor.value is None:
        same = Sql(f"{column} IS NULL AND {tie} {beyond} ?", (cursor.row,))
        return (Sql.all([same, Sql(f"{column} IS NOT NULL")], "OR") if backwards else same), order
    value = f"ifNull({column}, 0)"
    said = Sql(
        f"{column} IS NOT NULL AND ({value} {beyond} ? OR ({value} = ? AND {tie} {beyond} ?))",
        (cursor.said, cursor.said, cursor.row),
    )
    return (said if backwards else Sql.all([said, Sql(f"{column} IS NULL")], "OR")), order


def summary_of(project: str, row: Sequence[Any]) -> TraceSummary:
    """Return the summary in a row of ``TRACE_COLUMNS``."""
    said: Callable[[str], Any] = lambda name: row[_AT[name]]  # noqa: E731  # a name for an index
    first = _AT["input_uncached"]
    start_ns = said("start_ns")
    return TraceSummary(
        project=project, trace_id=said("trace_id").hex(), name=said("name"), root_kind=said("root_kind"),
        start_ns=start_ns, end_ns=start_ns + said("duration_ns"), status=STATUSES[said("status")],
        span_count=said("span_count"), error_count=said("error_count"), llm_count=said("llm_count"),
        models=_strings(said("models")), usage=usage_of(tuple(row[first : first + 10])), cost_nusd=said("cost_nusd"),
        unpriced_count=said("unpriced_count"), ttft_ms=said("ttft_ms"), session_id=said("session_id"),
        user_id=said("user_id"), tags=_strings(said("tags")), environment=said("environment"),
        input_preview=said("input_preview"), output_preview=said("output_preview"), prompts=_strings(said("prompts")),
        has_root=bool(said("has_root")),
    )  # fmt: skip


def _strings(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(orjson.loads(text))


def _session_of(session: str, rows: Sequence[tuple[Any, ...]]) -> SessionSummary:
    statuses, starts, ends, costs, unpriced, tokens, names, users, environments, asked, answered, models = zip(
        *rows, strict=True
    )
    return SessionSummary(
        session_id=session, turns=len(rows), errors=statuses.count(ERROR), start_ns=starts[0], end_ns=max(ends),
        cost_nusd=total(costs), unpriced_count=sum(unpriced), total_tokens=total(tokens), name=names[0],
        user_id=users[-1] if users[-1] is not None else users[0], environment=environments[-1],
        input_preview=asked[0], output_preview=answered[-1], models=_strings(models[-1]),
    )  # fmt: skip
