"""The store on ClickHouse: spans, traces and rollups there, the small tables and log records in SQLite beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from ..dialects.reader import reader
from ..errors import SpanwiseError
from ..record import Record, SpanLog
from .address import id_bytes
from .base import Kept as Retained
from .base import Used
from .clickhouse_days import note_change_of_all, note_changes, noted_version
from .clickhouse_large import Key
from .clickhouse_reading import ClickHouseReader
from .clickhouse_revise import revise
from .clickhouse_rows import Kept, kept_again, record_of
from .clickhouse_server import Server, place_of
from .clickhouse_small import SMALL_FILE, FolderMedia, Media, SmallDatabase, small_tables
from .clickhouse_write import Writer
from .conditions import Sql
from .connection import Connection
from .engine import Engine, Options, Told, tell_nobody
from .kept_days import KeptDays
from .kept_measures import KeptMeasures
from .media import GRACE_S, PUT_MEDIA_USE, is_of_project
from .projects import project_id_of
from .ready import Chunk, prepare
from .reread import Part, Price, Revised, Reviser
from .span_logs import LogLimits, ReadAgain, SpanLogs, Waiting
from .turns import Turns

_AT_ONCE: Final = 500
#: So long the servers of a cluster may need to have what was written to one of them.
_LAGGING_S: Final = 60.0


class ClickHouseStore(ClickHouseReader):
    """A store whose large tables lie in ClickHouse; open it before use and close it after."""

    def __init__(
        self, url: str, data: Path, *, log_limits: LogLimits | None = None, read_again: ReadAgain | None = None
    ) -> None:
        self.path = data / SMALL_FILE
        """The small tables."""
        self.server = Server(place_of(url))
        """Where the large tables lie."""
        self._logs = SpanLogs(log_limits or LogLimits(), read_again)
        self._writer = Writer(self.server)
        self._database: SmallDatabase | None = None
        self._projects: dict[str, int] = {}
        self._kept_days = KeptDays(lagging_s=_LAGGING_S if self.server.place.cluster else 0.0)
        self._measures = KeptMeasures()
        self._read_again = 0
        self.media: Media = FolderMedia(lambda: self._open, data / "media")
        self.turns = Turns()

    def open(self) -> None:
        """Bring both databases to the newest schema."""
        self._database, self.media = small_tables(self.server.place.small, self.path)
        self.server.open()
        self._keep_small_in(self._database)
        self.server.claim(self._small_id())
        with self._alone() as connection:
            self._writer.mend()
            note_change_of_all(
                connection, self.server, self._writer.next_version()
            )  # of what a process that was killed did not note, too

    def close(self) -> None:
        """Close every connection; closing twice is closing once."""
        self.server.close()
        if self._database is not None:
            self._database.close()
            self._database = None

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> None:
        """Keep *records*; a span that is there already is replaced, never counted twice."""
        self.write_prepared(prepare(records))

    prepare = staticmethod(prepare)

    def write_prepared(
        self, batch: Sequence[Chunk], logs: Sequence[Sequence[SpanLog]] = (), on_disk: Told = tell_nobody
    ) -> list[SpanLog]:
        """Keep records and log records; return the log records too many for a span.

        They are there, with what follows from them, on return.
        """
        if not batch and not logs:
            return []
        with self._alone() as connection, self.turns:
            over, late = self._put_logs(connection, logs) if logs else ([], [])
            chunks = self._logs.joined(connection, [*prepare(late), *batch])
            if chunks:
                self._put(connection, chunks)
            self._read_again += len(late)
        on_disk(over)
        return over

    def _put(self, connection: Connection, batch: Sequence[Chunk]) -> None:
        projects = {name: project_id_of(connection, name) for name in {chunk.project for chunk in batch}}
        uses = [
            (projects[chunk.project], chunk.trace_id, bytes.fromhex(digest))
            for chunk in batch
            for ready in chunk.spans
            for digest in ready.record.media
        ]
        if uses:
            connection.executemany(PUT_MEDIA_USE, uses)
        self._writer.write(batch, projects, _reader_id(connection))

    def _put_logs(
        self, connection: Connection, logs: Sequence[Sequence[SpanLog]]
    ) -> tuple[list[SpanLog], list[Record]]:
        """Keep log records; return those too many for a span, and the spans of others that are there already."""
        over = [log for request in logs for log in self._logs.put(connection, request)]
        together = [log for request in logs for log in request]
        connection.executemany(
            PUT_MEDIA_USE,
            [
                (project_id_of(connection, log.project), id_bytes(log.trace_id, "Trace id"), bytes.fromhex(digest))
                for log in together
                for digest in log.media
            ],
        )
        return over, self._late(together)

    def _late(self, logs: Sequence[SpanLog]) -> list[Record]:
        """Return the spans of *logs* that were there already, as they were sent."""
        found = []
        for project, trace_id in dict.fromkeys((log.project, log.trace_id) for log in logs):
            wanted = {log.span_id.lower() for log in logs if (log.project, log.trace_id) == (project, trace_id)}
            of_trace = self._finder(project).trace_of(id_bytes(trace_id, "Trace id"))
            found += [record_of(project, kept, {}) for kept in of_trace if kept.row.span_id.hex() in wanted]
        return found

    @property
    def indexing_s(self) -> float:
        """CPU seconds that a text index has taken: there is none beside the tables."""
        return 0.0

    @property
    def repeated(self) -> int:
        """How many spans came, since the start, that were there already."""
        return self._writer.repeated - self._read_again

    def waiting_logs(self) -> Waiting:
        """Return how many log records wait for their span."""
        with self._open.read() as connection:
            return self._logs.waiting(connection)

    def delete_trace(self, project: str, trace_id: str) -> bool:
        """Take a trace and its spans away, out of every total; return whether it was there."""
        return self.delete_traces(project, [trace_id]) == 1

    def delete_traces(self, project: str, trace_ids: Sequence[str]) -> int:
        """Take traces away, out of every total and off the disk; return how many there were."""
        ids = [id_bytes(trace_id, "Trace id") for trace_id in dict.fromkeys(trace_ids)]
        project_id, done = self._project(project), 0
        if project_id is None:
            return 0
        with self._alone() as connection:
            for at in range(0, len(ids), _AT_ONCE):
                keys = [(project_id, trace_id) for trace_id in ids[at : at + _AT_ONCE]]
                done += self._writer.delete(keys)
                for table in ("span_logs", "media_uses"):
                    connection.executemany(f"DELETE FROM {table} WHERE project_id = ? AND trace_id = ?", keys)
                connection.executemany(
                    "DELETE FROM annotations WHERE project_id = ? AND trace_id = ?",
                    [(project_id, trace_id.hex()) for _, trace_id in keys],
                )
        return done

    def drop_days(self, kept: Mapping[str, Retained]) -> int:  # noqa: ARG002  # of the protocol
        """Return 0: days are shared with rollups that stay, so traces go one by one, or by the TTL of the URL."""
        return 0

    # --- media -------------------------------------------------------------------------------------------------------

    def media_file(self, project: str, digest: str) -> Path | None:
        """Return a file with a content by its SHA-256, ``None`` where nothing of the project has it."""
        with self._reading(project) as (connection, project_id):
            if project_id is None or not is_of_project(connection, project_id, digest):
                return None
            return self.media.file_of(connection, digest)

    def media_content(self, project: str, digest: str) -> bytes | None:
        """Return a content by its SHA-256, ``None`` where nothing of the project has it."""
        file = self.media_file(project, digest)
        return None if file is None else file.read_bytes()

    def sweep_media(self, grace_s: float = GRACE_S) -> int:
        """Remove the contents that nothing needs and that came over *grace_s* ago; return how many."""
        return self.media.sweep(grace_s)

    # --- upkeep ------------------------------------------------------------------------------------------------------

    def used(self, project: str) -> Used:
        """Return what a project takes: its share of the bytes by its share of the spans."""
        bytes_, of_all, spans = self.server.rows(
            Sql(
                "SELECT (SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase() AND active), "
                "count(), countIf(project_id = ?) FROM spans",
                (self._project(project) or 0,),
            )
        )[0]
        return Used(int((bytes_ or 0) * spans / of_all) if of_all else 0, spans)

    def recount(self) -> int:
        """Compute every summary and rollup anew from the spans; return how many traces there are."""
        with self._alone() as connection:
            note_change_of_all(connection, self.server, self._writer.next_version())
            for table in ("r_hour", "h_hour", "h_day"):
                self.server.command_of(f"TRUNCATE TABLE {table}{{local}}")
            keys = self._every_key()
            for at in range(0, len(keys), _AT_ONCE):
                # Nothing is taken out: the sums are empty. Every span is put in again as it is.
                self._writer.put_again(self._writer.spans_of(keys[at : at + _AT_ONCE]))
            self._writer.delete_empty()
            return len(keys)

    def revised(
        self, project: str, trace_ids: Sequence[str], price: Price, how: Callable[[Reviser, Sequence[Part]], Revised]
    ) -> Iterator[Revised]:
        """Revise the spans of traces, such as by ``Reviser.reprice``; yield what each small part of it did."""
        project_id = self._project(project)
        if project_id is None:
            return
        for at in range(0, len(trace_ids), _AT_ONCE // 10):
            keys = [(project_id, id_bytes(each, "Trace id")) for each in trace_ids[at : at + _AT_ONCE // 10]]
            with self._alone() as connection, self.turns:
                done = revise(self._writer, project, keys, price, how, _reader_id(connection), self._logs_of)
            yield done

    def forget_readers(self) -> tuple[str, ...]:
        """Forget the readers that no span is of any more; return the names of those left, today's aside."""
        left = {number for (number,) in self.server.rows(Sql("SELECT DISTINCT reader_id FROM spans"))}
        with self._open.write() as connection:
            today = _reader_id(connection)
            found = connection.execute("SELECT id, name FROM readers WHERE id <> ? ORDER BY id", (today,)).fetchall()
            gone = [(number,) for number, _ in found if number not in left]
            connection.executemany("DELETE FROM readers WHERE id = ?", gone)
        return tuple(name for number, name in found if number in left)

    def reindex(self) -> None:
        """Take the words of every span from what it says today."""
        with self._alone():
            keys = self._every_key()
            for at in range(0, len(keys), _AT_ONCE):
                old = self._writer.spans_of(keys[at : at + _AT_ONCE])
                self._writer.put(old, {key: self._worded_again(key, spans) for key, spans in old.items()})

    def _worded_again(self, key: Key, spans: Mapping[bytes, Kept]) -> dict[bytes, Kept]:
        logs = self._logs_of(*key)
        return {span_id: kept_again(kept, record_of("", kept, logs)) for span_id, kept in spans.items()}

    def _every_key(self) -> list[Key]:
        found = self.server.rows(Sql("SELECT DISTINCT project_id, trace_id FROM spans"))
        return [(project_id, trace_id) for project_id, trace_id in found]

    def wait_until_searchable(self, timeout_s: float = 10.0) -> bool:  # noqa: ARG002  # of the protocol
        """Return whether all that was written can be searched: always, since nothing is indexed later."""
        return True

    def refusal(self) -> str | None:
        """Return why nothing can be written now, or ``None``."""
        if self._database is None:
            return "The store is closed."
        try:
            self.server.command("SELECT 1")
        except Exception as error:  # noqa: BLE001  # whatever the driver raises, it is the reason
            return f"ClickHouse does not answer: {error}."
        return None

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _open(self) -> SmallDatabase:
        if self._database is None:
            raise SpanwiseError("The store is closed.", "Open it first.")
        return self._database

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """Give a transaction of the small tables in which nobody else, in no process, writes spans."""
        database = self._open
        with database.write_lock:
            try:
                with database.write() as connection:
                    connection.alone()
                    self._writer.noted_until(noted_version(connection))
                    yield connection
                    self._note_changes(connection)
            except BaseException:
                self._writer.left = True  # spans may be there whose traces do not say so: nothing newer tells of them
                with suppress(Exception), database.write() as connection:
                    self._note_changes(connection)
                raise

    def _note_changes(self, connection: Connection) -> None:
        if self._writer.days:
            note_changes(connection, self._writer.days, self._writer.version, left=self._writer.left)

    def _small_id(self) -> str:
        """Return what tells these small tables from all others."""
        with self._open.write() as connection:
            connection.execute(
                "INSERT INTO settings (name, value) VALUES ('store_id', ?) ON CONFLICT DO NOTHING", (uuid4().hex,)
            )
            found: str = connection.execute("SELECT value FROM settings WHERE name = 'store_id'").fetchone()[0]
            return found


def _reader_id(connection: Connection) -> int:
    """Return the number of today's reader."""
    connection.execute("INSERT INTO readers (name) VALUES (?) ON CONFLICT DO NOTHING", (reader(),))
    return int(connection.execute("SELECT id FROM readers WHERE name = ?", (reader(),)).fetchone()[0])


def _make(url: str, options: Options) -> ClickHouseStore:
    return ClickHouseStore(url, options.data, log_limits=options.log_limits)


ENGINE: Final = Engine(
    "ClickHouse",
    _make,
    examiner="spanwise_server.store.examine_clickhouse:examine_clickhouse",
    copier="spanwise_server.store.clickhouse_backup:COPIER",
)
