"""The store on SQLite: one file for everything, and one beside it for the text index that can be made anew."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from ..errors import SpanwiseError
from ..record import Record, SpanLog
from .address import id_bytes
from .assemble import records_at
from .base import Kept, Used
from .database import Database, SqliteConnection
from .dictionaries import Dictionaries
from .engine import Engine, Options, Told, tell_nobody
from .fts_matching import FtsMatcher
from .media import GRACE_S, PUT_MEDIA_USE, MediaFolder, forget_lost_uses, is_of_project, needed
from .migrate import migrate
from .payload import Packing
from .previews import with_previews
from .projects import find_project, project_id_of
from .proof import MOST_PROVED, Proofs, UnprovenError
from .ready import Chunk, prepare
from .reread import Part, Price, Revised, Reviser, forget_readers, parts
from .search import SearchIndex, drop_index, open_index
from .set_keeper import SetKeeper
from .set_source import EVERY_TRACE
from .set_store import SetStore
from .span_logs import LogLimits, ReadAgain, SpanLogs, Waiting
from .sql_store import PAGE_OF_ALL
from .sqlite_sets import SqliteSets
from .step_filler import fill_steps
from .stored_rows import addresses_of
from .text_prefix import prefix_of
from .trace_words import drop_unused, words_of_traces
from .turns import Turns
from .write import SpanWriter

#: Below this much free space nothing is taken: SQLite needs room for its log to come out of a full disk.
LEAST_FREE_BYTES: Final = 64 * 1024 * 1024
_FILES_AT_ONCE: Final = 1_000
#: What is deleted waits so long for the text index to have it.
_LONGEST_FOR_INDEX_S: Final = 10.0


#: Spans lie in their index by parts of the store, all of which are looked into where nobody says which.
_FIND_SPAN: Final = (
    "WITH RECURSIVE parts (n) AS "
    "(SELECT 0 UNION ALL SELECT n + 1 FROM parts WHERE n < (SELECT max(id) >> 36 FROM spans)) "
    "SELECT s.*, t.trace_id FROM parts CROSS JOIN spans s ON s.id >> 36 = parts.n AND s.span_id = ? "
    "CROSS JOIN traces t ON t.id = s.id >> 24 WHERE s.project_id = ? ORDER BY s.start_ns DESC LIMIT 1"
)
_FIND_SPAN_OF_TRACE: Final = (
    "SELECT s.*, t.trace_id FROM traces t CROSS JOIN spans s ON s.id >> 36 = t.id >> 12 AND s.span_id = ? "
    "WHERE t.project_id = ? AND t.trace_id = ? AND s.id >> 24 = t.id ORDER BY s.start_ns DESC LIMIT 1"
)


class SqliteStore(SetStore):
    """A store in one folder; open it before use and close it after."""

    find_span = _FIND_SPAN
    find_span_of_trace = _FIND_SPAN_OF_TRACE

    def __init__(self, path: Path, *, log_limits: LogLimits | None = None, read_again: ReadAgain | None = None) -> None:
        super().__init__()
        self.path = path
        self._logs = SpanLogs(log_limits or LogLimits(), read_again)
        self._database: Database | None = None
        self._writer = SpanWriter(with_previews)
        self._read_again = 0
        """How many spans were written again for their log records, which is no repetition of theirs."""
        self._search: SearchIndex | None = None
        self._data_version = 0
        self._prefix = b""
        self.media = MediaFolder(path.with_name("media"))
        """Takes the contents of media, before the spans that they came with are written."""
        self.turns = Turns()
        """Held by whoever works through spans: decoding, reading, packing, writing or indexing them."""

    def open(self) -> None:
        """Bring the files to the newest schema and start to keep the text index."""
        migrate(self.path)
        search_path = self.path.with_name("search.db")
        self._database = Database(self.path, search_path)
        self._proofs = Proofs(partial(self._read_back, behind=False), lambda: self._writer.changes)
        self.matcher = partial(FtsMatcher, known=self._proofs.known)
        self._database.functions["span_holds", 2] = self._proofs.holds
        self._database.functions["span_says", 2] = self._proofs.says
        self._keep_small_in(self._database)
        index = open_index(search_path, self._id(), self._last_entry())
        with self._database.read() as connection:
            self._prefix = prefix_of(connection)
        self._dictionaries = Dictionaries(self._database)  # its connection is of the index that was just looked over
        self._search = SearchIndex(index, self._journal, self._read_back, self.turns, self._proofs.learn)
        self._sets = SetKeeper(self._database.read, SqliteSets)
        self._mend_journal()
        with self._writing() as connection:
            fill_steps(connection, self._writer)
        self._search.start()

    def close(self) -> None:
        """Close the files; closing twice is closing once."""
        if self._search is not None:
            self._search.close()
            self._search = None
        if self._database is not None:
            self._sets.close()
            self._dictionaries.wait()
            self._database.close()
            self._database = None

    # --- spans -------------------------------------------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> None:
        """Keep *records* in one durable transaction; a span that is there already is replaced, never counted twice."""
        self.write_prepared(self.prepare(records))

    def prepare(self, records: Sequence[Record]) -> list[Chunk]:
        """Return *records* ready to be written."""
        return prepare(records, self._packing, hide=True)

    @property
    def _packing(self) -> Packing:
        return Packing(self._dictionaries.current, prefix=self._prefix)

    def write_prepared(
        self, batch: Sequence[Chunk], logs: Sequence[Sequence[SpanLog]] = (), on_disk: Told = tell_nobody
    ) -> list[SpanLog]:
        """Keep records and log records in one durable transaction; return the log records too many for a span."""
        if not batch and not logs:
            return []
        with self._writing() as connection, self.turns:
            over, late = self._put_logs(connection, logs) if logs else ([], [])
            chunks = [*self.prepare(late), *self._logs.joined(connection, batch)]
            if chunks:
                self._writer.packing = self._packing
                entry, written = self._writer.write(connection, chunks)
                state = self._proofs.version
                self._prefix = prefix_of(connection)
                self._read_again += len(late)
                self._dictionaries.look(connection)
        on_disk(over)
        if not chunks:
            return over
        self._open.checkpoints.wrote(len(written))
        self._index.hand(entry, written, state)
        return over

    def _put_logs(
        self, connection: SqliteConnection, logs: Sequence[Sequence[SpanLog]]
    ) -> tuple[list[SpanLog], list[Record]]:
        """Keep log records; return those too many for a span, and the spans of others that are there already."""
        over = [log for request in logs for log in self._logs.put(connection, request)]
        together = [log for request in logs for log in request]
        _note_media(connection, together)
        return over, self._logs.late(connection, together)

    @property
    def indexing_s(self) -> float:
        """CPU seconds that the text index has taken since the start."""
        return self._index.cpu_s

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
        """Take traces away in one transaction, out of every total and of the text index; return how many there were.

        Their media are removed by the next sweep.
        """
        ids = [_trace_bytes(trace_id) for trace_id in trace_ids]
        with self._reading(project) as (connection, project_id):
            if project_id is None:
                return 0
            addresses = [at for trace_id in ids for at in addresses_of(connection, project_id, trace_id)]
        # Only what is in the index can be taken out of it. What comes in between is found by nobody.
        if self.wait_until_searchable(_LONGEST_FOR_INDEX_S):
            for at in range(0, len(addresses), PAGE_OF_ALL):
                self._index.drop(self._read_back(addresses[at : at + PAGE_OF_ALL]))
        with self._writing() as connection, self.turns:
            words = words_of_traces(connection, project_id, ids)
            deleted = sum(self._writer.delete(connection, project_id, trace_id) for trace_id in ids)
            if drop_unused(connection, project_id, words):
                self._writer.forget()
            return deleted

    def drop_days(self, kept: Mapping[str, Kept]) -> int:  # noqa: ARG002  # the protocol's
        """Take nothing: here a day is no quicker to take away than its traces are."""
        return 0

    def used(self, project: str) -> Used:
        """Return what a project takes of the main file: its share of what is in use by its share of the spans."""
        with self._reading(project) as (connection, project_id):
            pages, free, page_bytes = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            # Each table and index has a page before anything is in it: together a megabyte that is no project's.
            empty = connection.execute("SELECT count(*) FROM sqlite_schema WHERE rootpage > 0").fetchone()[0]
            spans, of_all = connection.execute(
                "SELECT sum(span_count) FILTER (WHERE project_id = ?), sum(span_count) FROM traces", (project_id,)
            ).fetchone()
        return Used(max(0, pages - free - empty) * page_bytes * (spans or 0) // max(of_all or 0, 1), spans or 0)

    def recount(self) -> int:
        """Compute every summary, word and rollup anew from the spans; return how many traces there are."""
        with self._writing() as connection:
            connection.execute("INSERT INTO trace_changes (trace_row) VALUES (?)", (EVERY_TRACE,))
            return self._writer.recount(connection)

    def revised(
        self, project: str, trace_ids: Sequence[str], price: Price, how: Callable[[Reviser, Sequence[Part]], Revised]
    ) -> Iterator[Revised]:
        """Revise the spans of traces, such as by ``Reviser.reprice``; yield what each small transaction did."""
        with self._reading(project) as (connection, project_id):
            if project_id is None:
                return
            in_parts = list(parts(connection, project_id, [_trace_bytes(trace_id) for trace_id in trace_ids]))
        for part in in_parts:
            with self._writing() as connection, self.turns:
                done = how(Reviser(connection, self._writer, project, project_id, price), part)
            self._index.look()
            yield done

    def forget_readers(self) -> tuple[str, ...]:
        """Forget the readers that no span is of any more; return the names of those left, today's aside."""
        with self._writing() as connection:
            return forget_readers(connection, self._writer.reader_id(connection))

    def reindex(self) -> None:
        """Fill the text index anew, which also rids it of the words of deleted traces."""
        search_path = self._open.search_path
        self.close()
        drop_index(search_path)
        self.open()

    def _proving(self, most: int | None = None) -> AbstractContextManager[Callable[[], bool]]:
        return self._proofs.limited(MOST_PROVED if most is None else most)

    def _prove(self, unproven: UnprovenError) -> bool:
        return self._proofs.prove(unproven)

    # --- media -------------------------------------------------------------------------------------------------------

    def media_file(self, project: str, digest: str) -> Path | None:
        """Return the file of a content by its SHA-256, ``None`` where nothing of the project has it."""
        file = self.media.file_of(digest)
        if file is None:
            return None
        with self._reading(project) as (connection, project_id):
            return file if project_id is not None and is_of_project(connection, project_id, digest) else None

    def media_content(self, project: str, digest: str) -> bytes | None:
        """Return a content by its SHA-256, ``None`` where nothing of the project has it."""
        file = self.media_file(project, digest)
        return None if file is None else file.read_bytes()

    def sweep_media(self, grace_s: float = GRACE_S) -> int:
        """Remove the files that nothing needs and that came over *grace_s* ago; return how many."""
        unwanted = list(self.media.unwanted_for(grace_s))
        removed = 0
        with self._writing() as connection:
            forget_lost_uses(connection)
        for at in range(0, len(unwanted), _FILES_AT_ONCE):
            some = unwanted[at : at + _FILES_AT_ONCE]
            with self._open.write() as connection:  # so that nobody, in no process, needs one of them meanwhile
                removed += self.media.remove(set(some) - needed(connection, some))
        return removed

    # --- the files ---------------------------------------------------------------------------------------------------

    def refusal(self) -> str | None:
        """Return why nothing can be written now, such as a full disk, or ``None``."""
        if self._database is None:
            return "The store is closed."
        if shutil.disk_usage(self.path.parent).free < LEAST_FREE_BYTES:
            return f"The disk that holds {self.path.parent} is full."
        try:
            with self._database.write() as connection:
                connection.execute("UPDATE settings SET value = value WHERE 0")
        except sqlite3.Error as error:
            return f"The store cannot be written: {error}."
        return None

    def wait_until_searchable(self, timeout_s: float = 10.0) -> bool:
        """Wait until the text of all that was written can be searched; return whether it can."""
        return self._index.wait_for(self._last_entry(), timeout_s)

    @property
    def _open(self) -> Database:
        if self._database is None:
            raise SpanwiseError("The store is closed.", "Open it first.")
        return self._database

    @property
    def _index(self) -> SearchIndex:
        if self._search is None:
            raise SpanwiseError("The store is closed.", "Open it first.")
        return self._search

    @contextmanager
    def _reading(self, project: str) -> Iterator[tuple[SqliteConnection, int | None]]:
        with self._open.read() as connection:
            yield connection, find_project(connection, project)

    @contextmanager
    def _writing(self) -> Iterator[SqliteConnection]:
        database = self._open
        with database.write_lock:
            try:
                with database.write() as connection:
                    # What another connection committed may have taken rows away that the writer remembers.
                    version = connection.execute("PRAGMA data_version").fetchone()[0]
                    if version != self._data_version:
                        self._writer.forget()
                        self._data_version = version
                    connection.execute("DELETE FROM journal WHERE n <= ?", (self._index.seen,))
                    connection.execute("DELETE FROM trace_changes WHERE n <= ?", (self._sets.unneeded(connection),))
                    yield connection
            except BaseException:
                self._writer.forget()
                raise

    def _id(self) -> str:
        """Return what tells this store from every other, so that each has its own text index."""
        with self._open.write() as connection:
            connection.execute("INSERT OR IGNORE INTO settings (name, value) VALUES ('store_id', ?)", (uuid4().hex,))
            found: str = connection.execute("SELECT value FROM settings WHERE name = 'store_id'").fetchone()[0]
            return found

    def _last_entry(self) -> int:
        """Return the number of the last journal entry there was."""
        with self._open.write_lock:
            found = self._open.writer.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").fetchone()
            return 0 if found is None else int(found[0])

    def _journal(self, after: int, most: int) -> list[tuple[int, bytes]]:
        with self._open.read(behind=True) as connection:
            asked = "SELECT n, addresses FROM journal WHERE n > ? ORDER BY n LIMIT ?"
            return connection.execute(asked, (after, most)).fetchall()

    def _read_back(self, addresses: Sequence[int], *, behind: bool = True) -> list[tuple[int, Record]]:
        with self._open.read(behind=behind) as connection:
            return records_at(connection, addresses)

    def _mend_journal(self) -> None:
        """Have every span indexed again where the index lacks some that the journal no longer names."""
        with self._open.write() as connection:
            oldest = connection.execute("SELECT min(n) FROM journal").fetchone()[0]
            begins = self._last_entry() + 1 if oldest is None else oldest
            if self._index.seen >= begins - 1:
                return
            connection.execute("DELETE FROM journal")
            addresses: list[Any] = connection.execute("SELECT id FROM spans ORDER BY id").fetchall()
            for at in range(0, len(addresses), 1_000):
                some = [address for (address,) in addresses[at : at + 1_000]]
                packed = struct.pack(f"<{len(some)}q", *some)
                connection.execute("INSERT INTO journal (addresses) VALUES (?)", (packed,))


def _make(url: str, options: Options) -> SqliteStore:
    return SqliteStore(file_of(url, options.data), log_limits=options.log_limits)


def file_of(url: str, data: Path) -> Path:
    """Return the main file that a URL or a path names; without one it is in the data folder."""
    path = url.removeprefix("sqlite://")
    # As SQLAlchemy has it: three slashes before a relative path, four before one from the root.
    path = path.removeprefix("/") if path != url else url
    return Path(path).expanduser().absolute() if path else data / "main.db"


ENGINE: Final = Engine("SQLite", _make, folder=lambda url, data: file_of(url, data).parent)


def _note_media(connection: SqliteConnection, logs: Sequence[SpanLog]) -> None:
    for log in logs:
        if log.media:
            trace = project_id_of(connection, log.project), _trace_bytes(log.trace_id)
            connection.executemany(PUT_MEDIA_USE, [(*trace, bytes.fromhex(digest)) for digest in log.media])


def _trace_bytes(trace_id: str) -> bytes:
    return id_bytes(trace_id, "Trace id")
