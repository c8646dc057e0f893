"""Sessions as lists show them: found by the newest of their traces that matches, summed over all of their traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from ..query.filters import And, Query, Term
from ..record import Record
from .address import id_bytes, span_range
from .assemble import Assembler
from .base import Page, SessionSummary
from .compile import Compiler
from .connection import Connection
from .cursor import Cursor, read_cursor
from .orders import BEGINNING_CHARS
from .rows import ERROR, NAME_CHARS, SpanRow
from .session_order import (
    MOST_ORDERED,
    NEWEST_FIRST,
    TEXTS,
    SessionSums,
    SessionTexts,
    Value,
    check_sort,
    is_by_text,
    ordered,
    values_of,
)

#: Traces looked at for one page at most, and at once.
_MOST_WALKED: Final = 10_000
_AT_ONCE: Final = 2_000
_LAST_NS: Final = 2**63 - 1


def session_page(connection: Connection, project_id: int, query: Query) -> Page[SessionSummary]:
    """Return one page of sessions, in the order of *query*."""
    check_sort(query.sort)
    return (
        _newest(connection, project_id, query) if query.sort == NEWEST_FIRST else _sorted(connection, project_id, query)
    )


def _sorted(connection: Connection, project_id: int, query: Query) -> Page[SessionSummary]:
    """Return one page of the newest sessions by what they come to."""
    asked = replace(query, cursor=None)
    at, walked, more = (_LAST_NS, 0), 0, True
    met: dict[str, None] = {}
    while more and len(met) <= MOST_ORDERED and walked < _MOST_WALKED:
        rows = _walk(connection, project_id, asked, at)
        more = len(rows) == _AT_ONCE
        walked += len(rows)
        met |= dict.fromkeys(session for _, _, session in rows)
        at = (rows[-1][1], rows[-1][0]) if rows else at
    sessions = list(met)[:MOST_ORDERED]
    of_newest = len(sessions) if more or len(met) > MOST_ORDERED else None
    return ordered_page(connection, project_id, query, _sums(connection, project_id, sessions), of_newest)


def ordered_page(
    connection: Connection, project_id: int, query: Query, sums: Mapping[str, SessionSums], of_newest: int | None
) -> Page[SessionSummary]:
    """Return one page of the sessions with these *sums*, in the order of *query*.

    *of_newest* says how many they are where others are left out.
    """
    page = ordered(_values(connection, project_id, sums, query.sort), query)
    found = summaries_of(connection, project_id, {session: sums[session] for session in page.sessions})
    items = tuple(found[session] for session in page.sessions if session in found)
    return Page(items, page.next_cursor, page.previous_cursor, of_newest=of_newest)


def _values(
    connection: Connection, project_id: int, sums: Mapping[str, SessionSums], sort: str
) -> list[tuple[Value, str]]:
    """Return what each of a few sessions says in the order of *sort*, with its id."""
    if not is_by_text(sort):
        return values_of(sums, sort)
    if (of := sort.removeprefix("-")) in TEXTS:
        edges = {session: (one.first_ns, one.last_ns) for session, one in sums.items()}
        texts = texts_of(connection, project_id, edges)
        return [(texts[session][TEXTS.index(of)] if session in texts else None, session) for session in sums]
    labels = _first_labels(connection, project_id, list(sums))
    return [(labels.get(session), session) for session in sums]


def _newest(connection: Connection, project_id: int, query: Query) -> Page[SessionSummary]:
    """Return one page of sessions, the one with the newest trace that *query* finds first."""
    cursor = None if query.cursor is None else read_cursor(query.cursor, NEWEST_FIRST)
    at = (_LAST_NS, 0) if cursor is None or cursor.value is None else (cursor.value, cursor.row)
    begin = at
    found: list[str] = []
    met: set[str] = set()
    walked, more = 0, True
    while more and len(found) < query.limit and walked < _MOST_WALKED:
        rows = _walk(connection, project_id, query, at)
        more = len(rows) == _AT_ONCE
        walked += len(rows)
        for row, start_ns, session in rows:
            at = (start_ns, row)
            if session in met:
                continue
            met.add(session)
            if cursor is None or not _is_newer(connection, project_id, query, session, begin):
                found.append(session)
                if len(found) == query.limit:
                    more = True
                    break
    summaries = _summaries(connection, project_id, found)
    items = tuple(summaries[session] for session in found if session in summaries)
    return Page(items, Cursor(NEWEST_FIRST, at[0], at[1]).text() if more and walked else None)


def _walk(connection: Connection, project_id: int, query: Query, at: tuple[int, int]) -> Sequence[tuple[int, int, str]]:
    """Return the next traces of any session older than *at*, as row, start and session."""
    plan = Compiler(connection, project_id, replace(query, cursor=None), of_all=True).traces()
    source = plan.from_traces(project_id)
    found: list[tuple[int, int, str]] = connection.execute(
        f"SELECT t.id, t.start_ns, t.session_id {source.text} AND {plan.where.text} AND t.session_id IS NOT NULL "
        f"AND (t.start_ns, t.id) < (?, ?) ORDER BY t.start_ns DESC, t.id DESC LIMIT {_AT_ONCE}",
        (*source.values, *plan.where.values, *at),
    ).fetchall()
    return found


def _is_newer(connection: Connection, project_id: int, query: Query, session: str, begin: tuple[int, int]) -> bool:
    """Return whether a trace of *session* that matches is at *begin* or newer: an earlier page had the session."""
    asked = replace(query, filter=And((query.filter, Term("session", "=", (session,)))), cursor=None, from_ns=begin[0])
    plan = Compiler(connection, project_id, asked).traces()
    source = plan.from_traces(project_id)
    return bool(
        connection.execute(
            f"SELECT 1 {source.text} AND {plan.where.text} AND t.session_id = ? "
            "AND (t.start_ns, t.id) >= (?, ?) LIMIT 1",
            (*source.values, *plan.where.values, session, *begin),
        ).fetchone()
    )


_TRACES_AT_ONCE: Final = 400
_SESSIONS_AT_ONCE: Final = 100
_SUMS: Final = (
    f"SELECT t.session_id, count(*), sum(CASE WHEN t.status = {ERROR} THEN 1 ELSE 0 END), min(t.start_ns), "
    "max(t.start_ns), max(t.start_ns + t.duration_ns), sum(t.cost_nusd), sum(t.unpriced_count), sum(t.total_tokens)"
)
_ENDS: Final = (
    "SELECT t.session_id, t.start_ns, t.name, t.user_id, t.environment, t.input_preview, t.output_preview, t.models "
    "FROM traces t WHERE t.project_id = ? AND t.start_ns IN ({}) AND t.session_id IN ({}) ORDER BY t.start_ns, t.id"
)


_FIRST_LABELS: Final = (
    f"SELECT t.session_id, min(substr(a.label, 1, {NAME_CHARS})) FROM traces t JOIN annotations a "
    "ON a.project_id = t.project_id AND a.trace_id = lower(hex(t.trace_id)) "
    "WHERE t.project_id = ? AND t.session_id IN ({}) AND a.label IS NOT NULL GROUP BY t.session_id"
)


def texts_of(connection: Connection, project_id: int, edges: Mapping[str, tuple[int, int]]) -> dict[str, SessionTexts]:
    """Return what sessions say at their ends, given when their first and their last trace began."""
    return {session: _texts(ends) for session, ends in _ends(connection, project_id, edges).items()}


def _texts(ends: Sequence[Sequence[Any]]) -> SessionTexts:
    (_, first_user, _, asked, _, _), (_, user, _, _, answered, _) = ends[0], ends[-1]
    return user if user is not None else first_user, _beginning(asked), _beginning(answered)


def _beginning(text: str | None) -> str | None:
    return None if text is None else text[:BEGINNING_CHARS]


def _first_labels(connection: Connection, project_id: int, sessions: Sequence[str]) -> dict[str, str]:
    """Return the first of the labels of each session that has one."""
    found: dict[str, str] = {}
    for at in range(0, len(sessions), _SESSIONS_AT_ONCE):
        some = sessions[at : at + _SESSIONS_AT_ONCE]
        asked = _FIRST_LABELS.format(", ".join("?" * len(some)))
        found.update(connection.execute(asked, (project_id, *some)).fetchall())
    return found


def session_summary(connection: Connection, project_id: int, session: str) -> SessionSummary | None:
    """Return what all traces of a session come to, ``None`` where there is none."""
    return _summaries(connection, project_id, [session]).get(session)


def _summaries(connection: Connection, project_id: int, sessions: Sequence[str]) -> dict[str, SessionSummary]:
    """Return what all traces of each session come to; one without any is left out."""
    found: dict[str, SessionSummary] = {}
    for at in range(0, len(sessions), _SESSIONS_AT_ONCE):
        sums = _sums(connection, project_id, sessions[at : at + _SESSIONS_AT_ONCE])
        found |= summaries_of(connection, project_id, sums)
    return found


def summaries_of(connection: Connection, project_id: int, sums: Mapping[str, SessionSums]) -> dict[str, SessionSummary]:
    """Return sessions by their sums; one whose traces are not there is left out."""
    edges = {session: (of.first_ns, of.last_ns) for session, of in sums.items()}
    ends = _ends(connection, project_id, edges)
    return {session: _summary(session, sums[session], says) for session, says in ends.items()}


def _ends(
    connection: Connection, project_id: int, edges: Mapping[str, tuple[int, int]]
) -> dict[str, list[Sequence[Any]]]:
    """Return what the traces say that began when the first and the last of each session did."""
    ends: dict[str, list[Sequence[Any]]] = {}
    sessions = list(edges)
    for at in range(0, len(sessions), _SESSIONS_AT_ONCE):
        some = sessions[at : at + _SESSIONS_AT_ONCE]
        starts = sorted({start for session in some for start in edges[session]})
        asked = _ENDS.format(", ".join("?" * len(starts)), ", ".join("?" * len(some)))
        for session, start, *says in connection.execute(asked, (project_id, *starts, *some)):
            if start in edges[session]:
                ends.setdefault(session, []).append(says)
    return ends


def names_of(connection: Connection, words: Sequence[int]) -> dict[int, str]:
    """Return the ids of sessions by the numbers of their words."""
    found: dict[int, str] = {}
    for at in range(0, len(words), _SESSIONS_AT_ONCE):
        some = words[at : at + _SESSIONS_AT_ONCE]
        asked = f"SELECT id, value FROM words WHERE id IN ({', '.join('?' * len(some))})"
        found.update(connection.execute(asked, some).fetchall())
    return found


def words_of(connection: Connection, project_id: int, sessions: Sequence[str]) -> list[int]:
    """Return the numbers of the words of some sessions."""
    if not sessions:
        return []
    marks = ", ".join("?" * len(sessions))
    found = connection.execute(
        f"SELECT id FROM words WHERE project_id = ? AND field = 'session' AND value IN ({marks})",
        (project_id, *sessions),
    )
    return [word for (word,) in found]


def _sums(connection: Connection, project_id: int, sessions: Sequence[str]) -> dict[str, SessionSums]:
    """Return what all traces of each session come to; one without any is left out."""
    found: dict[str, SessionSums] = {}
    for at in range(0, len(sessions), _SESSIONS_AT_ONCE):
        some = sessions[at : at + _SESSIONS_AT_ONCE]
        source = connection.words.from_sessions(words_of(connection, project_id, some))
        for session, *sums in connection.execute(f"{_SUMS} {source.text} GROUP BY t.session_id", source.values):
            found[session] = SessionSums(*(None if value is None else int(value) for value in sums))  # type: ignore[arg-type] # as the columns are
    return found


def _summary(session: str, sums: SessionSums, ends: Sequence[Sequence[Any]]) -> SessionSummary:
    """Return a session by its sums, and by what its first and its last trace say."""
    (name, first_user, _, asked, _, _), (_, user, environment, _, answered, models) = ends[0], ends[-1]
    return SessionSummary(
        session_id=session,
        turns=sums.turns,
        errors=sums.errors,
        start_ns=sums.first_ns,
        end_ns=sums.end_ns,
        cost_nusd=sums.cost_nusd,
        unpriced_count=sums.unpriced_count,
        total_tokens=sums.total_tokens,
        name=name,
        user_id=user if user is not None else first_user,
        environment=environment,
        input_preview=asked,
        output_preview=answered,
        models=() if models is None else tuple(orjson.loads(models)),
    )


def roots(connection: Connection, project: str, project_id: int, trace_ids: Sequence[str]) -> dict[str, Record]:
    """Return the root span of each trace, whole: the earliest without a parent, else the earliest."""
    named = sorted({id_bytes(trace_id, "Trace id") for trace_id in trace_ids})
    rows: list[tuple[SpanRow, bytes]] = []
    for at in range(0, len(named), _TRACES_AT_ONCE):
        some = named[at : at + _TRACES_AT_ONCE]
        marks = ", ".join("?" * len(some))
        there = connection.execute(
            f"SELECT id, trace_id FROM traces WHERE project_id = ? AND trace_id IN ({marks})", (project_id, *some)
        ).fetchall()
        for row, trace_id in there:
            root = connection.execute(
                "SELECT * FROM spans WHERE id BETWEEN ? AND ? "
                "ORDER BY parent_id IS NOT NULL, start_ns, span_id LIMIT 1",
                span_range(row),
            ).fetchone()
            rows.append((SpanRow._make(root), trace_id))
    records = Assembler(connection).records(project, rows)
    return {trace_id.hex(): record for (_, trace_id), record in zip(rows, records, strict=True)}
