"""Sessions as files: a row a session, what all of its traces come to, written as they are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..query.filters import Query
from ..store.base import SessionSummary, SpanStore
from ..store.session_order import NEWEST_FIRST
from . import trace_parquet
from .contract import session_summary
from .file_format import FileFormat, format_of, writable
from .flat_csv import BYTE_ORDER_MARK
from .trace_download import Run
from .trace_files import csv_row, json_line

#: So many sessions are summed at once.
_AT_ONCE: Final = 200
COLUMNS: Final = (
    "session_id", "name", "trace_count", "error_count", "start_time", "end_time", "total_tokens", "cost_usd",
    "unpriced_count", "models", "user_id", "environment", "input_preview", "output_preview",
)  # fmt: skip

SessionExport = FileFormat[SessionSummary]
"""One file format of sessions."""


def _jsonl(sessions: Iterable[SessionSummary]) -> Iterator[bytes]:
    for session in sessions:
        yield json_line(session_summary(session))


def _csv(sessions: Iterable[SessionSummary]) -> Iterator[bytes]:
    yield BYTE_ORDER_MARK.encode() + csv_row(COLUMNS)
    for session in sessions:
        said = session_summary(session)
        yield csv_row(said[column] for column in COLUMNS)


def _parquet(sessions: Iterable[SessionSummary]) -> Iterator[bytes]:
    return trace_parquet.write_sessions(
        {**session_summary(session), "start_time": session.start_ns, "end_time": session.end_ns} for session in sessions
    )


#: Every format of sessions by name, in the order of the menu.
SESSION_EXPORTS: Final[Mapping[str, SessionExport]] = {
    each.name: each
    for each in (
        FileFormat("jsonl", "JSONL", "a line a session, as the API gives it", "application/x-ndjson", "jsonl", _jsonl),
        FileFormat("csv", "CSV", "a row a session, for spreadsheets", "text/csv; charset=utf-8", "csv", _csv),
        FileFormat(
            "parquet", "Parquet", "a row a session, for notebooks and warehouses", "application/vnd.apache.parquet",
            "parquet", _parquet, can_write=trace_parquet.can_write,
        ),
    )
}  # fmt: skip


def session_export(name: str) -> SessionExport:
    """Return one format; a name nobody has is refused with the names there are."""
    return format_of(SESSION_EXPORTS, name, "sessions")


def offered() -> tuple[SessionExport, ...]:
    """Return the formats that can be written here, in the order of the menu."""
    return writable(SESSION_EXPORTS)


def session_file(store: SpanStore, query: Query, export: SessionExport, run: Run) -> Iterator[bytes]:
    """Return the file of all sessions that *query* finds, the newest first, and count them in *run*."""
    return run.told(export.write(_each(store, query, run)))


def _each(store: SpanStore, query: Query, run: Run) -> Iterator[SessionSummary]:
    cursor: str | None = None
    while True:
        page = store.find_sessions(replace(query, sort=NEWEST_FIRST, cursor=cursor, limit=_AT_ONCE))
        run.of += len(page.items)
        for session in page.items:
            yield session
            run.done += 1
        cursor = page.next_cursor
        if cursor is None:
            return
