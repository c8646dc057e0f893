"""What the write path reads back: the rows and the payloads of spans that are in the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from .address import span_range, trace_row_of
from .connection import Connection
from .rows import SpanRow

FIND_TRACES: Final = (
    "SELECT id, trace_id, places, words, start_ns FROM traces WHERE project_id = ? AND trace_id IN ({})"
)
_FIND_PAYLOAD: Final = "SELECT id, body FROM payloads WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"
_ASKED_AT_ONCE: Final = 400
_READ_AT_ONCE: Final = 5_000


def payload_of(connection: Connection, at: int) -> tuple[int, bytes]:
    """Return the packed body that the span at *at* is in, and the address of the first span in it."""
    found = connection.execute(_FIND_PAYLOAD, (span_range(trace_row_of(at))[0], at)).fetchone()
    return found[0], found[1]


def addresses_of(connection: Connection, project_id: int, trace_id: bytes) -> list[int]:
    """Return the addresses of a trace's spans, none where there is no such trace."""
    found = connection.execute(FIND_TRACES.format("?"), (project_id, trace_id)).fetchone()
    if found is None:
        return []
    rows = connection.execute("SELECT id FROM spans WHERE id BETWEEN ? AND ? ORDER BY id", span_range(found[0]))
    return [at for (at,) in rows]


def span_rows(connection: Connection, trace_row: int) -> list[SpanRow]:
    """Return the rows of a trace's spans, in the order they came."""
    found = connection.execute("SELECT * FROM spans WHERE id BETWEEN ? AND ? ORDER BY id", span_range(trace_row))
    return [SpanRow._make(row) for row in found]


def rows_at(connection: Connection, addresses: Sequence[int]) -> dict[int, SpanRow]:
    """Return the rows of spans by their addresses."""
    found: dict[int, SpanRow] = {}
    for at in range(0, len(addresses), _ASKED_AT_ONCE):
        asked = addresses[at : at + _ASKED_AT_ONCE]
        rows = connection.execute(f"SELECT * FROM spans WHERE id IN ({', '.join('?' * len(asked))})", asked)
        found.update((row[0], SpanRow._make(row)) for row in rows)
    return found


def rows_between(connection: Connection, first: int, end: int) -> Iterator[SpanRow]:
    """Yield the rows of spans from the address *first* to before *end*, in order, a few thousand at a time."""
    last = first - 1
    while True:
        found = connection.execute(
            "SELECT * FROM spans WHERE id > ? AND id < ? ORDER BY id LIMIT ?", (last, end, _READ_AT_ONCE)
        ).fetchall()
        if not found:
            return
        yield from map(SpanRow._make, found)
        last = found[-1][0]
