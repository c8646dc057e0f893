"""Moves everything of one store into another, a few traces at a time; cut off, it goes on where it was.

The small tables go first, in one transaction with the mark that says so. Then come the traces in the order of their
rows: what was sent, its log records, and the contents of media. Writing the same span twice is writing it once, so the
mark may be a little behind. What is derived (summaries, words, rollups, the text index) is made anew by the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from sqlalchemy import Integer, Table, func, insert, select, text
from sqlmodel import Session

from ..errors import ConfigError
from ..record import Record, SpanLog
from .assemble import Assembler
from .connection import Connection
from .engine import Store
from .log_rows import logs_of
from .small_tables import SettingRow
from .sqlite import SqliteStore
from .tables import METADATA

#: Made by the target itself, or moved with the spans.
_LARGE: Final = frozenset({
    "spans", "payloads", "origins", "texts", "text_uses", "media_uses", "span_logs", "traces", "words", "trace_words",
    "series", "r_hour", "h_hour", "h_day", "rollup_days", "journal", "readers", "dictionaries", "trace_changes",
    "small_changes", "steps", "r_step", "h_step_hour", "h_step_day", "t_step",
})  # fmt: skip
#: Settings that are the store's own.
_OWN: Final = frozenset({"store_id", "move", "full_text"})
_MARK: Final = "move"
_SPANS_AT_ONCE: Final = 1_000
_TRACES_LOOKED_AT: Final = 50
_ROWS_AT_ONCE: Final = 1_000
_MEDIA_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a move is, what went before an interruption included."""

    spans: int
    of: int
    traces: int


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a target remembers of a move into it."""

    source: str
    """The id of the store that is moved."""
    last_row: int = 0
    """The last trace that is here whole."""
    spans: int = 0
    traces: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class _Sent:
    """A trace as it was sent."""

    row: int
    records: tuple[Record, ...]
    logs: tuple[SpanLog, ...]


class Move:
    """One move of an SQLite store, which no server may be using, into a target that is empty or has a part of it."""

    def __init__(self, source: SqliteStore, target: Store) -> None:
        self._source = source
        self._target = target
        self._mark = _Mark(source.setting("store_id") or "")

    def resumes(self) -> bool:
        """Return whether a part of the source is in the target already; refuse a target that holds anything else."""
        kept = self._target.setting(_MARK)
        if kept is None:
            if self._target.projects():
                raise ConfigError("The store to move to is not empty.", "Move into a new database.")
            return False
        mark = _Mark(**orjson.loads(kept))
        if mark.source != self._mark.source:
            raise ConfigError("The store to move to holds what was moved from another store.", "Choose a new one.")
        if mark.done:
            raise ConfigError("All of it was moved before.", "Start the server with --store and the URL moved to.")
        self._mark = mark
        return True

    def run(self) -> Iterator[Moved]:
        """Move everything; yield how far it is after each step."""
        if not self.resumes():
            self._move_small_tables()
        self._move_media()
        of = self._count()
        for some in self._parts():
            self._write(some)
            self._mark = replace(
                self._mark,
                last_row=some[-1].row,
                spans=self._mark.spans + sum(len(sent.records) for sent in some),
                traces=self._mark.traces + len(some),
            )
            self._note()
            yield Moved(self._mark.spans, of, self._mark.traces)
        with self._source.reading() as connection:
            for logs in _waiting_logs(connection):
                self._target.write_prepared((), [logs])
        missing = self._count() - self._mark.spans
        if missing:
            raise ConfigError(f"{missing:,} spans of the source were not moved.", "Stop its server, then move again.")
        self._mark = replace(self._mark, done=True)
        self._note()

    def _note(self) -> None:
        self._target.keep_setting(_MARK, _written(self._mark))

    def _count(self) -> int:
        with self._source.reading() as connection:
            found = connection.execute("SELECT coalesce(sum(span_count), 0) FROM traces").fetchone()
            return int(found[0])

    def _parts(self) -> Iterator[list[_Sent]]:
        """Yield the traces that are left, some thousands of spans at a time, or one trace of more."""
        part: list[_Sent] = []
        spans = 0
        last = self._mark.last_row
        while True:
            with self._source.reading() as connection:
                found = list(_traces_after(connection, last))
            if not found:
                break
            for sent in found:
                part.append(sent)
                spans += len(sent.records)
                if spans >= _SPANS_AT_ONCE:
                    yield part
                    part, spans = [], 0
            last = found[-1].row
        if part:
            yield part

    def _write(self, part: Sequence[_Sent]) -> None:
        records = [record for sent in part for record in sent.records]
        for at in range(0, len(records), _SPANS_AT_ONCE):
            self._target.write(records[at : at + _SPANS_AT_ONCE])
        logs = [log for sent in part for log in sent.logs]
        if logs:
            self._target.write_prepared((), [logs])

    def _move_small_tables(self) -> None:
        with self._source.session() as here, self._target.transaction() as there:
            for table in METADATA.sorted_tables:
                if table.name not in _LARGE:
                    _copy(here, there, table)
            there.add(SettingRow(name=_MARK, value=_written(self._mark)))

    def _move_media(self) -> None:
        files = sorted(self._source.media.files())
        for at in range(0, len(files), _MEDIA_AT_ONCE):
            some = files[at : at + _MEDIA_AT_ONCE]
            self._target.media.keep({file.name: file.read_bytes() for file in some})


def _copy(here: Session, there: Session, table: Table) -> None:
    """Copy the rows of a small table with the numbers that they have."""
    rows = [dict(row._mapping) for row in here.connection().execute(select(table))]  # noqa: SLF001  # SQLAlchemy's way
    if table.name == "settings":
        rows = [row for row in rows if row["name"] not in _OWN]
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        there.connection().execute(insert(table), rows[at : at + _ROWS_AT_ONCE])
    numbered = [column for column in table.primary_key if isinstance(column.type, Integer)]
    if rows and len(numbered) == 1 and there.get_bind().dialect.name == "postgresql":
        # What is added from now on is numbered behind what was copied.
        sequence = select(func.pg_get_serial_sequence(table.name, numbered[0].name))
        name = there.connection().execute(sequence).scalar()
        if name is not None:
            largest = max(row[numbered[0].name] for row in rows)
            there.connection().execute(text("SELECT setval(:name, :largest)"), {"name": name, "largest": largest})


def _traces_after(connection: Connection, row: int) -> Iterator[_Sent]:
    """Yield the next traces behind *row*, as they were sent: log records apart, costs as priced when they came."""
    projects: dict[int, str] = dict(connection.execute("SELECT id, name FROM projects").fetchall())
    found = connection.execute(
        "SELECT id, project_id, trace_id, span_count FROM traces WHERE id > ? ORDER BY id LIMIT ?",
        (row, _TRACES_LOOKED_AT),
    ).fetchall()
    assembler = Assembler(connection, with_logs=False)
    spans = 0
    for number, project_id, trace_id, span_count in found:
        project = projects[project_id]
        records = assembler.trace(project, number, trace_id)
        used: Any = connection.execute(
            "SELECT digest FROM media_uses WHERE project_id = ? AND trace_id = ?", (project_id, trace_id)
        )
        media = tuple(digest.hex() for (digest,) in used)
        if media and records:
            records[0] = replace(records[0], media=media)
        yield _Sent(number, tuple(records), tuple(_logs_of(connection, project, project_id, trace_id)))
        spans += span_count
        if spans >= _SPANS_AT_ONCE:
            return


def _waiting_logs(connection: Connection) -> Iterator[list[SpanLog]]:
    """Yield the log records of traces that have not come, trace by trace."""
    found = connection.execute(
        "SELECT DISTINCT p.name, l.project_id, l.trace_id FROM span_logs l JOIN projects p ON p.id = l.project_id "
        "WHERE NOT EXISTS (SELECT 1 FROM traces t WHERE t.project_id = l.project_id AND t.trace_id = l.trace_id)"
    ).fetchall()
    for project, project_id, trace_id in found:
        yield _logs_of(connection, project, project_id, trace_id)


def _logs_of(connection: Connection, project: str, project_id: int, trace_id: bytes) -> list[SpanLog]:
    return [
        SpanLog(project, trace_id.hex(), span_id.hex(), event)
        for span_id, events in logs_of(connection, project_id, trace_id).items()
        for event in events
    ]


def _written(mark: _Mark) -> str:
    return orjson.dumps(mark).decode()
