"""Pages of sessions from ClickHouse, and what sessions come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ..query.filters import EVERYTHING, Query
from .base import Page, SessionSummary
from .clickhouse_compile import ids_in
from .clickhouse_find import Finder, strings
from .clickhouse_orders import beside
from .clickhouse_rows import word
from .conditions import Sql
from .cursor import Cursor, read_cursor
from .orders import BEGINNING_CHARS, BY_LABEL
from .rows import ERROR
from .session_order import NEWEST_FIRST, check_sort, ordered, place_at
from .summary import total

_ASKED_AT_ONCE: Final = 5_000
#: The order in which the traces of a session stand. In a tuple NULL is a value like any other, not passed over.
_PLACE: Final = "(t.start_ns, t.tie)"


def _at_begin(column: str) -> str:
    return f"argMin(tuple(t.{column}), {_PLACE}).1"


def _at_end(column: str) -> str:
    return f"argMax(tuple(t.{column}), {_PLACE}).1"


def _beginning(text: str) -> str:
    return f"substringUTF8({text}, 1, {BEGINNING_CHARS})"


#: What sessions are sorted by, as ``session_order.py`` has it.
_VALUES: Final = {
    "time": "max(t.start_ns)", "start": "min(t.start_ns)",
    "duration": "max(t.start_ns + t.duration_ns) - min(t.start_ns)", "turns": "count()",
    "errors": f"countIf(t.status = {ERROR})", "tokens": "sum(t.total_tokens)", "cost": "sum(t.cost_nusd)",
    "session": "session", "user": f"coalesce({_at_end('user_id')}, {_at_begin('user_id')})",
    "input": _beginning(_at_begin("input_preview")), "output": _beginning(_at_end("output_preview")),
}  # fmt: skip


def sessions(finder: Finder, query: Query) -> Page[SessionSummary]:
    """Return one page of sessions, in the order of *query*."""
    check_sort(query.sort)
    return _newest(finder, query) if query.sort == NEWEST_FIRST else _sorted(finder, query)


def _sorted(finder: Finder, query: Query) -> Page[SessionSummary]:
    """Return one page of all sessions by what they come to."""
    among = Sql("1")
    if query.filter != EVERYTHING or query.from_ns is not None or query.to_ns is not None:
        where = finder.compiler(replace(query, cursor=None)).traces()
        among = Sql(f"t.session_id IN (SELECT t.session_id FROM traces AS t WHERE {where.text})", where.values)
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort, named=True)
    at = None if cursor is None else place_at(cursor)
    beyond, by = beside("value", ["session"], query.sort, cursor, at)
    of = query.sort.removeprefix("-")
    value = _first_label(finder) if of == BY_LABEL else Sql(_VALUES[of])
    rows = finder.server.rows(
        Sql(
            f"SELECT value, session FROM (SELECT assumeNotNull(t.session_id) AS session, "
            f"{value.text} AS value FROM traces AS t WHERE t.project_id = ? "
            f"AND t.session_id IS NOT NULL AND {among.text} GROUP BY session) WHERE {beyond.text} "
            f"ORDER BY {by} LIMIT {query.limit + 1}",
            (*value.values, finder.project_id, *among.values, *beyond.values),
        )
    )
    page = ordered([(value, session) for value, session in rows], query)
    found = summaries(finder, page.sessions)
    items = tuple(found[session] for session in page.sessions if session in found)
    return Page(items, page.next_cursor, page.previous_cursor)


def _first_label(finder: Finder) -> Sql:
    """Return what tells the first of the labels of a session, NULL where it has none."""
    labels = finder.labels()
    first: dict[str, str] = {}
    ids = list(labels)
    for at in range(0, len(ids), _ASKED_AT_ONCE):
        which = ids_in("t.trace_id", ids[at : at + _ASKED_AT_ONCE])
        for trace_id, session in finder.server.rows(
            Sql(
                "SELECT t.trace_id, assumeNotNull(t.session_id) FROM traces AS t PREWHERE t.project_id = ? "
                f"AND {which.text} WHERE t.session_id IS NOT NULL",
                (finder.project_id, *which.values),
            )
        ):
            label = labels[trace_id]
            first[session] = min(first.get(session, label), label)
    if not first:
        return Sql("CAST(NULL, 'Nullable(String)')")
    marks = ", ".join("?" * len(first))
    return Sql(
        f"if(indexOf([{marks}], session) = 0, NULL, [{marks}][indexOf([{marks}], session)])",
        (*first, *first.values(), *first),
    )


def _newest(finder: Finder, query: Query) -> Page[SessionSummary]:
    """Return one page of sessions, the one with the newest trace that *query* finds first."""
    wanted = query.limit + 1
    rows: list[tuple[Any, ...]] = []
    if query.cursor is None:
        for some in finder.stretches(replace(query, sort="-time"), "t", rows, wanted):
            met = [session for session, _ in rows]
            others = Sql(f"t.session_id NOT IN ({', '.join('?' * len(met))})", tuple(met)) if met else Sql("1")
            rows += _by_newest(finder, some, others, Sql("1"), wanted - len(rows))
            if len(rows) >= wanted:
                break
    else:
        cursor = read_cursor(query.cursor, NEWEST_FIRST)
        having = Sql("1") if cursor.value is None else Sql("newest < (?, ?)", (cursor.said, cursor.row))
        rows = _by_newest(finder, query, Sql("1"), having, wanted)
    more, rows = len(rows) > query.limit, rows[: query.limit]
    found = summaries(finder, [session for session, _ in rows])
    items = tuple(found[session] for session, _ in rows if session in found)
    end = Cursor(NEWEST_FIRST, rows[-1][1][0], rows[-1][1][1]).text() if more else None
    return Page(items, end)


def _by_newest(finder: Finder, query: Query, asked: Sql, having: Sql, most: int) -> list[tuple[Any, ...]]:
    """Return sessions, each with its newest trace that *query* finds, in the order of these."""
    where = finder.compiler(query).traces()
    return finder.server.rows(
        Sql(
            "SELECT assumeNotNull(t.session_id) AS session, max((t.start_ns, t.tie)) AS newest FROM traces AS t "
            f"WHERE {where.text} AND t.session_id IS NOT NULL AND {asked.text} GROUP BY session "
            f"HAVING {having.text} ORDER BY newest DESC LIMIT {most}",
            (*where.values, *asked.values, *having.values),
        )
    )


def summaries(finder: Finder, sessions: Sequence[str]) -> dict[str, SessionSummary]:
    """Return what all traces of each session come to."""
    if not sessions:
        return {}
    marks = ", ".join("?" * len(sessions))
    words = [word(("session", session)) for session in sessions]  # by which the index tells where they are
    rows = finder.server.rows(
        Sql(
            "SELECT t.session_id, t.status, t.start_ns, t.start_ns + t.duration_ns, t.cost_nusd, t.unpriced_count, "
            "t.total_tokens, t.name, t.user_id, t.environment, t.input_preview, t.output_preview, t.models "
            "FROM traces AS t PREWHERE t.project_id = ? AND t.trace_id IN (SELECT o.trace_id FROM traces AS o "
            f"WHERE o.project_id = ? AND hasAnyTokens(o.words, [{marks}]) AND o.session_id IN ({marks})) "
            "ORDER BY t.start_ns, t.tie",
            (finder.project_id, finder.project_id, *words, *sessions),
        )
    )
    grouped: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for session, *row in rows:
        grouped[session].append(tuple(row))
    return {session: _session_of(session, of) for session, of in grouped.items()}


def _session_of(session: str, rows: Sequence[tuple[Any, ...]]) -> SessionSummary:
    statuses, starts, ends, costs, unpriced, tokens, names, users, environments, asked, answered, models = zip(
        *rows, strict=True
    )
    return SessionSummary(
        session_id=session, turns=len(rows), errors=statuses.count(ERROR), start_ns=starts[0], end_ns=max(ends),
        cost_nusd=total(costs), unpriced_count=sum(unpriced), total_tokens=total(tokens), name=names[0],
        user_id=users[-1] if users[-1] is not None else users[0], environment=environments[-1],
        input_preview=asked[0], output_preview=answered[-1], models=strings(models[-1]),
    )  # fmt: skip
