"""Pages of traces, spans and sessions from ClickHouse, by keyset in every order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import orjson

from ..errors import SpanwiseError
from ..query.filters import Query
from ..record import TraceSummary
from .base import Extent, Page, SessionSummary, Trace
from .clickhouse_compile import Compiler, Judged, ids_in
from .clickhouse_rows import SPAN_COLUMNS, TRACE_COLUMNS, Kept, read_kept
from .clickhouse_server import Server
from .conditions import Sql
from .cursor import Cursor, read_cursor
from .find import MOST_ITEMS
from .outline import OUTLINE_COLUMNS, outline_of
from .rows import ERROR, STATUSES, usage_of
from .summary import total

T = TypeVar("T")
_SORTS: Final = {"time": "start_ns", "latency": "duration_ns", "cost": "cost_nusd", "tokens": "total_tokens"}
_SESSION_SORT: Final = "-time"
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
        source = Sql(f"SELECT {', '.join(f't.{name}' for name in TRACE_COLUMNS)} FROM traces AS t")
        column = _column(query)
        page, rows = self._page(query, source, self.compiler(query).traces(), "t", (_AT[column], _AT["tie"]))
        return replace(page, items=tuple(summary_of(self.project, row) for row in rows))

    def spans(self, query: Query) -> Page[Kept]:
        """Return one page of spans."""
        column = _column(query)
        source = Sql(f"SELECT s.trace_id, s.span_id, s.{column}, s.tie FROM spans AS s")
        page, rows = self._page(query, source, self.compiler(query).spans(), "s", (2, 3))
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
        """Return the spans ``s`` of the project that *asked* is true of, whole."""
        columns = ", ".join(f"s.{name} AS {name}" for name in SPAN_COLUMNS)
        text = f"SELECT {columns} FROM spans AS s WHERE s.project_id = ? AND ({asked.text}) {after}"
        return list(read_kept(*self.server.table(Sql(text, (self.project_id, *asked.values)))))

    def _page(
        self, query: Query, source: Sql, where: Sql, table: str, at: tuple[int, int]
    ) -> tuple[Page[Any], list[tuple[Any, ...]]]:
        limit = max(1, min(query.limit, MOST_ITEMS))
        cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
        backwards = cursor is not None and cursor.backwards
        column = f"{table}.{_column(query)}"
        after, order = _beside(column, f"{table}.tie", descending=query.sort.startswith("-"), cursor=cursor)
        asked = Sql.all([where, after])
        text = f"{source.text} WHERE {asked.text} ORDER BY {order} LIMIT {limit + 1}"
        rows = self.server.rows(Sql(text, (*source.values, *asked.values)))
        more, rows = len(rows) > limit, rows[:limit]
        if backwards:
            rows.reverse()
        if not rows:
            return Page(()), []

        def beside(row: tuple[Any, ...], *, before: bool) -> str:
            return Cursor(query.sort, row[at[0]], row[at[1]], before).text()

        next_cursor = beside(rows[-1], before=False) if more or backwards else None
        previous = beside(rows[0], before=True) if (more if backwards else cursor is not None) else None
        return Page((), next_cursor, previous), rows

    def sessions(self, query: Query) -> Page[SessionSummary]:
        """Return one page of sessions, the one with the newest trace that *query* finds first."""
        cursor = None if query.cursor is None else read_cursor(query.cursor, _SESSION_SORT)
        where = self.compiler(query).traces()
        having = Sql("1")
        if cursor is not None and cursor.value is not None:
            having = Sql("newest < (?, ?)", (cursor.value, cursor.row))
        rows = self.server.rows(
            Sql(
                "SELECT assumeNotNull(t.session_id) AS session, max((t.start_ns, t.tie)) AS newest FROM traces AS t "
                f"WHERE {where.text} AND t.session_id IS NOT NULL GROUP BY session HAVING {having.text} "
                f"ORDER BY newest DESC LIMIT {query.limit + 1}",
                (*where.values, *having.values),
            )
        )
        more, rows = len(rows) > query.limit, rows[: query.limit]
        found = self.session_summaries([session for session, _ in rows])
        items = tuple(found[session] for session, _ in rows if session in found)
        end = Cursor(_SESSION_SORT, rows[-1][1][0], rows[-1][1][1]).text() if more else None
        return Page(items, end)

    def session_summaries(self, sessions: Sequence[str]) -> dict[str, SessionSummary]:
        """Return what all traces of each session come to."""
        if not sessions:
            return {}
        rows = self.server.rows(
            Sql(
                "SELECT t.session_id, t.status, t.start_ns, t.start_ns + t.duration_ns, t.cost_nusd, t.unpriced_count, "
                "t.total_tokens, t.name, t.user_id, t.environment, t.input_preview, t.output_preview, t.models "
                f"FROM traces AS t WHERE t.project_id = ? AND t.session_id IN ({', '.join('?' * len(sessions))}) "
                "ORDER BY t.start_ns, t.tie",
                (self.project_id, *sessions),
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
            "SELECT count(), max(version) FROM spans WHERE project_id = ? AND trace_id = ?", (self.project_id, trace_id)
        )
        ((spans, version),) = self.server.rows(asked)
        return Extent(spans, str(version)) if spans else None

    def outline(self, trace_id: bytes) -> Trace | None:
        """Return a trace as its tree shows it."""
        where = Sql("WHERE t.project_id = ? AND t.trace_id = ?", (self.project_id, trace_id))
        columns = ", ".join(f"t.{name}" for name in TRACE_COLUMNS)
        summed = self.server.rows(Sql(f"SELECT {columns} FROM traces AS t {where.text}", where.values))
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


def _column(query: Query) -> str:
    column = _SORTS.get(query.sort.removeprefix("-"))
    if column is None:
        raise SpanwiseError(
            f"There is no order {query.sort!r}.", f"Sort by {', '.join(_SORTS)}; with - before it, largest first."
        )
    return column


def _beside(column: str, tie: str, *, descending: bool, cursor: Cursor | None) -> tuple[Sql, str]:
    """Return what lies beyond the cursor, and the order: what does not say what is sorted by comes last."""
    backwards = cursor is not None and cursor.backwards
    falls = descending != backwards
    direction, beyond = ("DESC", "<") if falls else ("ASC", ">")
    unsaid_first = "DESC" if backwards else "ASC"
    order = f"{column} IS NULL {unsaid_first}, {column} {direction}, {tie} {direction}"
    if cursor is None:
        return Sql("1"), order
    if cursor.value is None:
        same = Sql(f"{column} IS NULL AND {tie} {beyond} ?", (cursor.row,))
        return (Sql.all([same, Sql(f"{column} IS NOT NULL")], "OR") if backwards else same), order
    value = f"ifNull({column}, 0)"
    said = Sql(
        f"{column} IS NOT NULL AND ({value} {beyond} ? OR ({value} = ? AND {tie} {beyond} ?))",
        (cursor.value, cursor.value, cursor.row),
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
