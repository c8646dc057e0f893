"""Log records of spans as they lie in the store, and a span with them among its events.

Those of one span that came in one request are one row. A row stays when its span has come: the span is kept as it was
sent, whenever and however often that is, and its log records are put to it whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b

from ..record import Event, Span
from .connection import Connection
from .payload import HASH_BYTES, dumps, loads, pack_text, unpack_text

_OF_TRACE = "SELECT span_id, body FROM span_logs WHERE project_id = ? AND trace_id = ? ORDER BY id"


def pack_events(events: Iterable[Event]) -> tuple[bytes, bytes]:
    """Return the hash and the packed body of events."""
    raw = dumps([[event.time_ns, event.name, dict(event.attributes)] for event in events])
    return blake2b(raw, digest_size=HASH_BYTES).digest(), pack_text(raw)


def unpack_events(body: bytes) -> list[Event]:
    """Return the events that were packed."""
    return [
        Event(time_ns, name, attributes)
        for time_ns, name, attributes in loads(unpack_text(body).encode("utf-8", "surrogatepass"))
    ]


def any_logs(connection: Connection) -> bool:
    """Say whether there is any log record at all: most stores have none, and need not be asked again."""
    return connection.execute("SELECT 1 FROM span_logs LIMIT 1").fetchone() is not None


def logs_of(connection: Connection, project_id: int, trace_id: bytes) -> dict[bytes, list[Event]]:
    """Return the log records of a trace by the id of their span, in the order they came."""
    found: dict[bytes, list[Event]] = {}
    for span_id, body in connection.execute(_OF_TRACE, (project_id, trace_id)):
        found.setdefault(span_id, []).extend(unpack_events(body))
    return found


def with_logs(span: Span, logs: Sequence[Event]) -> Span:
    """Return *span* with *logs* among its events, in the order of time; one that it has already is not put twice.

    A record without a time stands where the span begins. Of those of one moment the first that came is first.
    """
    seen = {_key(event) for event in span.events}
    more: list[Event] = []
    for log in logs:
        event = log if log.time_ns else replace(log, time_ns=span.start_ns)
        key = _key(event)
        if key not in seen:
            seen.add(key)
            more.append(event)
    if not more:
        return span
    return replace(span, events=tuple(sorted((*span.events, *more), key=lambda event: event.time_ns)))


def _key(event: Event) -> tuple[int, str, bytes]:
    return event.time_ns, event.name, dumps(dict(event.attributes))
