"""The store on PostgreSQL: the same tables and answers as on SQLite, for several server processes at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from psycopg import errors

from ..errors import SpanwiseError
from ..record import Record, SpanLog
from .address import id_bytes
from .base import Kept, Used
from .block_filler import BlockFiller
from .codec import NONE
from .day_rows import DAY_NS, DAYS_AFTER, day_of
from .days import days_there, make_day
from .dictionaries import Dictionaries
from .drop_days import Look, drop, droppable, look
from .engine import Engine, Options, Told, tell_nobody
from .gin import GinIndex, fill, records_at
from .gin_matching import GinMatcher
from .media import GRACE_S, PUT_MEDIA_USE, forget_lost_uses, is_of_project
from .payload import Packing
from .postgres_connection import PostgresConnection
from .postgres_database import PostgresDatabase, migrate_database
from .postgres_media import DatabaseMedia
from .postgres_sets import ChangeLog, PostgresSets
from .postgres_write import PostgresWriter
from .projects import find_project, project_id_of
from .ready import Chunk, prepare
from .reread import Part, Price, Revised, Reviser, forget_readers, parts
from .set_keeper import SetKeeper
from .set_source import EVERY_TRACE
from .set_store import SetStore
from .span_logs import LogLimits, ReadAgain, SpanLogs, Waiting
from .step_filler import fill_steps, is_to_be_filled
from .trace_words import words_of_traces
from .turns import Turns
from .word_arrays import drop_unused

T = TypeVar("T")
#: A transaction that met another one is done again so often.
_MOST_TRIES: Final = 8
_MET_ANOTHER: Final = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)
#: Bytes of spans that are packed together: what is larger than a quarter of a page lies apart, in pieces that fill
#: pages whatever its length, so larger bodies, which pack better, waste nothing here.
_PACKED_TOGETHER: Final = 14_000
_FULL_TEXT: Final = "full_text"
_REINDEXED_AT_ONCE: Final = 1_000


class PostgresStore(SetStore):
    """A store in one database; open it before use and close it after."""

    matcher = GinMatcher

    def __init__(
        self,
        url: str,
        cache: Path,
        *,
        full_text: bool | None = None,
        log_limits: LogLimits | None = None,
        read_again: ReadAgain | None = None,
    ) -> None:
        super().__init__()
        self.url = url
        self._full_text = full_text
        self._index = GinIndex(full_text=bool(full_text))
        self._logs = SpanLogs(log_limits or LogLimits(), read_again)
        self._writer = PostgresWriter(self._index)
        self._database: PostgresDatabase | None = None
        self._dictionaries: Dictionaries | None = None
        self._filler: BlockFiller | None = None
        self._changes = ChangeLog()
        self._read_again = 0
        self._projects: dict[str, int] = {}
        """The numbers of projects, of which none ever goes."""
        self.media = DatabaseMedia(lambda: self._open, cache)
        """Takes the contents of media, before the spans that they came with are written."""
        self.turns = Turns()
        """Held by whoever works through spans in this process."""

    def open(self) -> None:
        """Bring the database to the newest schema, and make the days to come ready."""
        migrate_database(self.url)
        self._database = PostgresDatabase(self.url, self._index)
        self._keep_small_in(self._database)
        with self._database.write() as connection:
            self._changes.begin(connection)
        self._sets = SetKeeper(self._database.read, PostgresSets)
        self._settle_full_text()
        self._fill_steps()
        self.make_days()
        self._dictionaries = Dictionaries(self._database)
        self._filler = BlockFiller(self._database, self._index)
        self._filler.start()

    def _settle_full_text(self) -> None:
        """Do as told, and have servers and commands that are told nothing do the same from now on."""
        was = self.setting(_FULL_TEXT) == "on"
        self._index.full_text = was if self._full_text is None else self._full_text
        if self._index.full_text != was:
            self.keep_setting(_FULL_TEXT, "on" if self._index.full_text else "off")

    def _fill_steps(self) -> None:
        def fill(connection: PostgresConnection) -> None:
            self._writer.alone(connection)
            with self._writer.beside(connection):
                fill_steps(connection, self._writer)

        with self._open.read() as connection:
            uncounted = is_to_be_filled(connection)
        if uncounted:
            self._tried(fill)

    def close(self) -> None:
        """Close every connection; closing twice is closing once."""
        if self._filler is not None:
            self._sets.close()
            self._filler.close()
            self._filler = None
        if self._dictionaries is not None:
            self._dictionaries.wait()
            self._dictionaries = None
        if self._database is not None:
            self._database.close()
            self._database = None

    # --- spans -------------------------------------------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> None:
        """Keep *records* in one durable transaction; a span that is there already is replaced, never counted twice."""
        self.write_prepared(self.prepare(records))

    def prepare(self, records: Sequence[Record]) -> list[Chunk]:
        """Return *records* ready to be written."""
        return prepare(records, Packing(self._dictionary, _PACKED_TOGETHER), hide=True)

    @property
    def _dictionary(self) -> int:
        return NONE if self._dictionaries is None else self._dictionaries.current

    def write_prepared(
        self, batch: Sequence[Chunk], logs: Sequence[Sequence[SpanLog]] = (), on_disk: Told = tell_nobody
    ) -> list[SpanLog]:
        """Keep records and log records in one durable transaction; return the log records too many for a span."""
        if not batch and not logs:
            return []
        over, late = self._tried(lambda connection: self._write_logged(connection, batch, logs))
        self._read_again += late
        on_disk(over)
        if self._changes.is_due:
            with self._open.write() as connection:
                self._changes.trim(connection)
        return over

    def _write_logged(
        self, connection: PostgresConnection, batch: Sequence[Chunk], logs: Sequence[Sequence[SpanLog]]
    ) -> tuple[list[SpanLog], int]:
        """Return the log records too many for a span, and how many spans were read again."""
        over, late = self._put_logs(connection, logs) if logs else ([], [])
        chunks = [*self.prepare(late), *self._logs.joined(connection, batch)]
        if chunks:
            self._writer.packing = Packing(self._dictionary)
            self._writer.write(connection, chunks)
            if self._dictionaries is not None:
                self._dictionaries.look(connection)
        return over, len(late)

    def _put_logs(
        self, connection: PostgresConnection, logs: Sequence[Sequence[SpanLog]]
    ) -> tuple[list[SpanLog], list[Record]]:
        """Keep log records; return those too many for a span, and the spans of others that are there already."""
        self._writer.alone(connection)  # a span of theirs that another process writes meanwhile must meet them
        over = [log for request in logs for log in self._logs.put(connection, request)]
        together = [log for request in logs for log in request]
        for log in together:
            if log.media:
                trace = project_id_of(connection, log.project), id_bytes(log.trace_id, "Trace id")
                connection.executemany(PUT_MEDIA_USE, [(*trace, bytes.fromhex(digest)) for digest in log.media])
        return over, self._logs.late(connection, together)

    @property
    def indexing_s(self) -> float:
        """Nothing apart: words are indexed with the spans."""
        return 0.0

    @property
    def repeated(self) -> int:
        """How many spans came to this process, since its start, that were there already."""
        return self._writer.repeated - self._read_again

    def waiting_logs(self) -> Waiting:
        """Return how many log records wait for their span."""
        with self._open.read() as connection:
            return self._logs.waiting(connection)

    def wait_until_searchable(self, timeout_s: float = 10.0) -> bool:
        """Wait for what an older version wrote: all else can be searched at once. Return whether it can."""
        return self._filler is not None and self._filler.wait(timeout_s)

    # --- deleting and revising ---------------------------------------------------------------------------------------

    def delete_trace(self, project: str, trace_id: str) -> bool:
        """Take a trace and its spans away, out of every total; return whether it was there."""
        return self.delete_traces(project, [trace_id]) == 1

    def delete_traces(self, project: str, trace_ids: Sequence[str]) -> int:
        """Take traces away in one transaction, out of every total; return how many there were."""
        ids = sorted({id_bytes(trace_id, "Trace id") for trace_id in trace_ids})

        def delete(connection: PostgresConnection) -> int:
            project_id = find_project(connection, project)
            if project_id is None:
                return 0
            self._writer.alone(connection)
            words = words_of_traces(connection, project_id, ids)
            deleted = sum(self._writer.delete(connection, project_id, trace_id) for trace_id in ids)
            drop_unused(connection, project_id, words)
            return deleted

        return self._tried(delete)

    def drop_days(self, kept: Mapping[str, Kept]) -> int:
        """Drop the partitions of days of which no project keeps anything; return how many traces went."""
        gone = 0
        with self._open.side() as side:
            days = sorted(days_there(side.driver) - {0})
        for day in days:
            with self._open.read() as connection:
                seen = look(connection, day) if droppable(connection, day, kept) else None
            if seen is not None:
                with suppress(errors.LockNotAvailable):  # somebody reads for long; it is tried again
                    gone += self._tried(partial(self._drop, day=day, kept=kept, seen=seen))
        return gone

    def _drop(self, connection: PostgresConnection, *, day: int, kept: Mapping[str, Kept], seen: Look) -> int:
        return drop(connection, self._writer, day, kept, seen)

    def used(self, project: str) -> Used:
        """Return what a project takes of the database: its share of what is in use by its share of the spans."""
        with self._reading(project) as (connection, project_id):
            size = connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]
            spans, of_all = connection.execute(
                "SELECT sum(span_count) FILTER (WHERE project_id = ?), sum(span_count) FROM traces", (project_id,)
            ).fetchone()
        return Used(size * (spans or 0) // max(of_all or 0, 1), spans or 0)

    def recount(self) -> int:
        """Compute every summary, word and rollup anew from the spans; return how many traces there are."""

        def recount(connection: PostgresConnection) -> int:
            self._writer.alone(connection)
            connection.execute("INSERT INTO trace_changes (trace_rows) VALUES (CAST(? AS bigint[]))", ([EVERY_TRACE],))
            with self._writer.beside(connection):  # which is about to make all numbers anew
                return self._writer.recount(connection)

        return self._tried(recount)

    def revised(
        self, project: str, trace_ids: Sequence[str], price: Price, how: Callable[[Reviser, Sequence[Part]], Revised]
    ) -> Iterator[Revised]:
        """Revise the spans of traces, such as by ``Reviser.reprice``; yield what each small transaction did."""
        with self._reading(project) as (connection, found):
            if found is None:
                return
            project_id = found
            in_parts = list(parts(connection, project_id, [id_bytes(one, "Trace id") for one in trace_ids]))
        for part in in_parts:

            def revise(connection: PostgresConnection, part: Sequence[Part] = part) -> Revised:
                self._writer.alone(connection)
                return how(Reviser(connection, self._writer, project, project_id, price), part)

            yield self._tried(revise)

    def forget_readers(self) -> tuple[str, ...]:
        """Forget the readers that no span is of any more; return the names of those left, today's aside."""

        def forget(connection: PostgresConnection) -> tuple[str, ...]:
            self._writer.alone(connection)
            return forget_readers(connection, self._writer.reader_id(connection))

        return self._tried(forget)

    def reindex(self) -> None:
        """Fill the index of words anew, a few spans at a time."""
        last = -1
        while True:
            with self._open.write() as connection:
                connection.alone()
                found = connection.execute(
                    "SELECT id FROM spans WHERE id > ? ORDER BY id LIMIT ?", (last, _REINDEXED_AT_ONCE)
                ).fetchall()
                if not found:
                    return
                addresses = [at for (at,) in found]
                fill(connection, self._index, list(records_at(connection, addresses)))
                last = addresses[-1]

    # --- media -------------------------------------------------------------------------------------------------------

    def media_file(self, project: str, digest: str) -> Path | None:
        """Return a file with a content by its SHA-256, ``None`` where nothing of the project has it."""
        if not self.media.is_digest(digest):
            return None
        with self._reading(project) as (connection, project_id):
            if project_id is None or not is_of_project(connection, project_id, digest):
                return None
            return self.media.file_of(connection, digest)

    def media_content(self, project: str, digest: str) -> bytes | None:
        """Return a content by its SHA-256, ``None`` where nothing of the project has it."""
        file = self.media_file(project, digest)
        return None if file is None else file.read_bytes()

    def sweep_media(self, grace_s: float = GRACE_S) -> int:
        """Remove contents that nothing needs and that came over *grace_s* ago; return how many."""
        self.make_days()
        with self._open.write() as connection:
            forget_lost_uses(connection)
        return self.media.sweep(grace_s)

    # --- the database ------------------------------------------------------------------------------------------------

    def make_days(self) -> None:
        """Make the partitions of today and of the days to come."""
        now = time.time_ns()
        with self._open.side() as side:
            there = days_there(side.driver)
            for ahead in range(DAYS_AFTER + 1):
                day = day_of(now + ahead * DAY_NS, now)
                if day not in there:
                    make_day(side.driver, day)

    def refusal(self) -> str | None:
        """Return why nothing can be written now, or ``None``."""
        if self._database is None:
            return "The store is closed."
        try:
            with self._database.write() as connection:
                connection.execute("SELECT pg_current_xact_id()")
        except SpanwiseError as error:
            return error.message
        except errors.Error as error:
            return f"The store cannot be written: {error}."
        return None

    @property
    def _open(self) -> PostgresDatabase:
        if self._database is None:
            raise SpanwiseError("The store is closed.", "Open it first.")
        return self._database

    @contextmanager
    def _reading(self, project: str) -> Iterator[tuple[PostgresConnection, int | None]]:
        with self._open.read() as connection:
            known = self._projects.get(project)
            if known is None:
                known = find_project(connection, project)
                if known is not None:
                    self._projects[project] = known
            yield connection, known

    def _tried(self, work: Callable[[PostgresConnection], T]) -> T:
        """Return what *work* gives in a transaction of the writer, which is done again where it met another one."""
        database = self._open
        with database.write_lock:
            tries = 0
            while True:
                tries += 1
                try:
                    with database.side() as side, self._writer.beside(side), database.write() as connection, self.turns:
                        return work(connection)
                except BaseException as error:
                    self._writer.forget()
                    if not isinstance(error, _MET_ANOTHER) or tries == _MOST_TRIES:
                        raise


def _make(url: str, options: Options) -> PostgresStore:
    return PostgresStore(url, options.data / "media-cache", full_text=options.full_text, log_limits=options.log_limits)


ENGINE: Final = Engine(
    "PostgreSQL",
    _make,
    examiner="spanwise_server.store.examine_postgres:examine_database",
    copied_by="While servers run: pg_dump --format=custom --file=spanwise.dump URL; into a new database: "
    "pg_restore --dbname=URL spanwise.dump",
)
