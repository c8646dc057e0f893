"""The two SQLite files: one connection that writes, a pool of connections that read, and sessions over small tables."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine, create_engine, event
from sqlmodel import Session

from .checkpoints import Checkpoints
from .connection import Connection
from .fts import FtsIndex
from .remembered import COUNTED, Remembered, count_change
from .sessions import T, Work
from .sparse import put_as_they_are
from .stored_rows import payload_of
from .trace_words import WordTable

#: Of the main file; the page size can only be chosen before anything is in it.
PAGE_BYTES: Final = 8_192
#: How long to wait for another process (a command beside a running server) to end its write.
BUSY_MS: Final = 15_000
_EVERY_CONNECTION: Final = f"PRAGMA busy_timeout = {BUSY_MS}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY"
#: A commit is on the disk when it returns, or an acknowledged span could be lost; group commits pay for it. It moves
#: the log into the database only where ``checkpoints.py`` has not come to it.
_WRITER: Final = (
    "PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF; PRAGMA cache_size = -24576; "
    "PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 134217728"
)
_READER: Final = "PRAGMA query_only = ON; PRAGMA cache_size = -16384; PRAGMA mmap_size = 1073741824"
#: Of what nobody waits for. What it reads lies all over the file, and mapped, each page would stay in memory with its
#: neighbours: a hundred megabytes once the text index reads back what it had no room for.
_READER_BEHIND: Final = "PRAGMA query_only = ON; PRAGMA cache_size = -2048; PRAGMA mmap_size = 0"
_IDLE_READERS: Final = 16

SqlFunction = Callable[..., Any]

#: sqlite3 asks every value but a number or a text for an adapter, and what has none for two methods that it lacks: half
#: of all that putting in a row takes, where most columns are NULL. What these return is what they are given.
_AS_IT_IS: Final[dict[type, Callable[[Any], Any]]] = {type(None): {}.get, bytes: getattr(bytes, "__bytes__", bytes)}
for _type, _same in _AS_IT_IS.items():
    sqlite3.register_adapter(_type, _same)


class SqliteConnection(sqlite3.Connection):
    """A connection as the SQL of the large tables wants one."""

    index = FtsIndex()
    words = WordTable()

    def chunks_of(self, addresses: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return, of each span, the address of the first one that it is packed with, and the body that both are in."""
        return [payload_of(self, at) for at in addresses]

    def newest_from(self, project_id: int, to_ns: int) -> None:
        """One table holds all spans: nowhere need be looked first."""

    def first_span(self, project_id: int, from_ns: int) -> None:
        """As above: nor need any part be left out."""

    def put_numbers(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[int]], unless: str) -> None:
        """Put rows of numbers in, many at once."""
        put_as_they_are(self, table, columns, rows, unless)

    def alone(self) -> None:
        """Nobody else writes anyway: whoever writes to SQLite is alone."""


class Database:
    """An open store's connections: exactly one of them writes, under ``write_lock``."""

    def __init__(self, path: Path, search_path: Path) -> None:
        self.path = path
        self.search_path = search_path
        self.write_lock = threading.RLock()
        self.writer = self._connect(path, _WRITER)
        self.functions: dict[tuple[str, int], SqlFunction] = {}
        """SQL functions of readers, by name and number of arguments."""
        self.checkpoints = Checkpoints(lambda: self._connect(path, _WRITER))
        self._idle: dict[str, list[SqliteConnection]] = {_READER: [], _READER_BEHIND: []}
        self._idle_lock = threading.Lock()
        self._engine = _engine(path)
        self._remembered = Remembered(self._small_changes)
        self._closed = False
        self.checkpoints.start()

    @contextmanager
    def write(self) -> Iterator[SqliteConnection]:
        """Give the writing connection in a transaction that is committed at the end, taken back on an error."""
        with self.write_lock:
            self.writer.execute("BEGIN IMMEDIATE")
            try:
                yield self.writer
                self.writer.execute("COMMIT")
            except BaseException:
                if self.writer.in_transaction:
                    self.writer.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self, *, behind: bool = False) -> Iterator[SqliteConnection]:
        """Give a connection that sees one moment of both files until the end, whatever is written meanwhile.

        One for what goes on *behind*, where nobody waits, keeps little of what it reads in memory.
        """
        pragmas = _READER_BEHIND if behind else _READER
        connection = self._borrow(pragmas)
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._give_back(connection, pragmas)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session that reads small tables."""
        with Session(self._engine) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session that writes small tables, committed at the end."""
        engine = self._engine.execution_options(writes=True)
        with self.write_lock, Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
            count_change(session)

    def remembered(self, asked: Hashable, ask: Callable[[], T]) -> T:
        """Return what *ask* reads in small tables, which nobody may change: remembered while none is written."""
        return self._remembered.of(asked, ask)

    @staticmethod
    def alone_in(work: Work) -> AbstractContextManager[bool]:  # noqa: ARG004  # the protocol's
        """Have no other server process do *work* meanwhile: the store is this one's alone."""
        return nullcontext(enter_result=True)

    @staticmethod
    def grown(connection: Connection) -> int:
        """Return how many traces there ever were and how many texts there are, about."""
        traces = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'traces'").fetchone()
        texts = connection.execute("SELECT max(id) FROM texts").fetchone()[0]
        return (0 if traces is None else int(traces[0])) + (texts or 0)

    def close(self) -> None:
        """Close every connection."""
        self.checkpoints.close()
        with self.write_lock, self._idle_lock:
            self._closed = True
            for connection in (*chain(*self._idle.values()), self.writer):
                connection.close()
            self._idle.clear()
            self._engine.dispose()

    def _small_changes(self) -> int:
        connection = self._borrow(_READER)
        try:
            counted: int = connection.execute(COUNTED).fetchone()[0]
            return counted
        finally:
            self._give_back(connection, _READER)

    def _borrow(self, pragmas: str) -> SqliteConnection:
        with self._idle_lock:
            if idle := self._idle.get(pragmas):
                return idle.pop()
        connection = self._connect(self.path, pragmas)
        connection.execute("ATTACH DATABASE ? AS search", (str(self.search_path),))
        for (name, arguments), function in self.functions.items():
            connection.create_function(name, arguments, function, deterministic=True)
        return connection

    def _give_back(self, connection: SqliteConnection, pragmas: str) -> None:
        with self._idle_lock:
            if not self._closed and len(idle := self._idle[pragmas]) < _IDLE_READERS:
                idle.append(connection)
                return
        connection.close()

    @staticmethod
    def _connect(path: Path, pragmas: str) -> SqliteConnection:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=512, factory=SqliteConnection
        )
        for pragma in f"{_EVERY_CONNECTION}; {pragmas}".split("; "):
            connection.execute(pragma)
        return connection


def prepare_file(path: Path) -> None:
    """Make the file, or leave it as it is, with the page size and the journal that every connection relies on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _engine(path: Path) -> Engine:
    arguments = {"check_same_thread": False, "isolation_level": None, "factory": SqliteConnection}
    engine = create_engine(f"sqlite:///{path}", connect_args=arguments, pool_size=8)

    def on_connect(connection: Any, _record: Any) -> None:
        for pragma in f"{_EVERY_CONNECTION}; PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF".split("; "):
            connection.execute(pragma)

    def on_begin(connection: SqlConnection) -> None:
        # A transaction that begins by reading and then writes can fail with "locked" halfway; this one cannot.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine
