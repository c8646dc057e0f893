"""Sessions as lists show them: found by the newest of their traces that matches, summed over all of their traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from ..query.filters import And, Query, Term
from ..record import Record
from .address import id_bytes, span_range
from .assemble import Assembler
from .base import Page, SessionSummary
from .compile import Compiler
from .connection import Connection
from .cursor import Cursor, read_cursor
from .rows import ERROR, SpanRow
from .summary import total

_SORT: Final = "-time"
#: Traces looked at for one page at most, and at once.
_MOST_WALKED: Final = 10_000
_AT_ONCE: Final = 2_000
_LAST_NS: Final = 2**63 - 1


def session_page(connection: Connection, project_id: int, query: Query) -> Page[SessionSummary]:
    """Return one page of sessions, the one with the newest trace that *query* finds first."""
    cursor = None if query.cursor is None else read_cursor(query.cursor, _SORT)
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
    items = tuple(one for session in found if (one := session_summary(connection, project_id, session)) is not None)
    return Page(items, Cursor(_SORT, at[0], at[1]).text() if more and walked else None)


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
_WORD: Final = "SELECT id FROM words WHERE project_id = ? AND field = 'session' AND value = ?"


def session_summary(connection: Connection, project_id: int, session: str) -> SessionSummary | None:
    """Return what all traces of a session come to, ``None`` where there is none."""
    word = connection.execute(_WORD, (project_id, session)).fetchone()
    if word is None:
        return None
    source = connection.words.from_traces_with(word[0])
    rows = connection.execute(
        "SELECT t.status, t.start_ns, t.start_ns + t.duration_ns, t.cost_nusd, t.unpriced_count, t.total_tokens, "
        "t.name, t.user_id, t.environment, t.input_preview, t.output_preview, t.models "
        f"{source.text} AND t.session_id = ? ORDER BY t.start_ns, t.id",
        (*source.values, session),
    ).fetchall()
    if not rows:
        return None
    statuses, starts, ends, costs, unpriced, tokens, names, users, environments, asked, answered, models = zip(
        *rows, strict=True
    )
    return SessionSummary(
        session_id=session,
        turns=len(rows),
        errors=statuses.count(ERROR),
        start_ns=starts[0],
        end_ns=max(ends),
        cost_nusd=total(costs),
        unpriced_count=sum(unpriced),
        total_tokens=total(tokens),
        name=names[0],
        user_id=users[-1] if users[-1] is not None else users[0],
        environment=environments[-1],
        input_preview=asked[0],
        output_preview=answered[-1],
        models=() if models[-1] is None else tuple(orjson.loads(models[-1])),
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
