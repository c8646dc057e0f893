"""A PostgreSQL database: connections that read and write spans, and sessions over the small tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DataError, DisconnectionError, OperationalError
from sqlmodel import Session

from ..errors import ConfigError, Overloaded, TooLargeNumber
from .annotations import WRAP
from .connection import Connection, TextIndex
from .migrate import upgrade
from .postgres_connection import (
    LOCKS,
    MIGRATION_LOCK,
    SMALL_LOCK,
    WORK_LOCKS,
    PostgresConnection,
    adapted,
    reached,
)
from .remembered import COUNTED, Remembered, count_change
from .sessions import T, Work

OLDEST_VERSION: Final = 140_000
_MOST_READERS: Final = 16
#: One that writes what came, others for what goes on in the background.
_MOST_WRITERS: Final = 4
#: How long whoever asks waits for a database that is away before being told so.
_WAIT_S: Final = 3.0
#: Of each connection. A plan made for any values walks every partition; one for the values at hand does not.
#: Workers take longer to start than most questions take, and with many readers there is no core left for them.
_SETTINGS: Final = (
    "-c timezone=UTC -c plan_cache_mode=force_custom_plan -c jit=off -c max_parallel_workers_per_gather=0 "
    "-c application_name=spanwise"
)
#: The buckets of a month are sorted in memory; PostgreSQL's own four megabytes send them to the disk.
_READS: Final = (
    f"{_SETTINGS} -c work_mem=32MB -c default_transaction_isolation=repeatable\\ read "
    "-c default_transaction_read_only=on"
)


#: A connection that was used so lately is not asked whether it is still there: a page would do so twenty times.
_SURELY_THERE_S: Final = 1.0
_USED: Final = "used_s"


class PostgresDatabase:
    """An open database; it is reached again by itself when it was away."""

    def __init__(self, url: str, index: TextIndex) -> None:
        self.url = driver_url(url)
        self.write_lock = threading.RLock()
        self._index = index
        self._readers = self._pool("read", _MOST_READERS)
        self._writers = self._pool("write", _MOST_WRITERS)
        self._side = self._pool("side", 2)
        self._working = self._pool("work", len(WORK_LOCKS))
        self._engine = _engine(self.url)
        self._remembered = Remembered(self._small_changes)
        # Each statement of PostgreSQL sees a moment of its own, in a transaction or not; without, two are saved.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def read(self) -> Iterator[PostgresConnection]:
        """Give a connection that sees one moment of everything until the end, whatever is written meanwhile."""
        with self._lent(self._readers) as driver, driver.transaction():
            yield PostgresConnection(driver, self._index)

    @contextmanager
    def write(self) -> Iterator[PostgresConnection]:
        """Give a connection in a transaction that is committed at the end, taken back on an error."""
        with self._lent(self._writers) as driver, driver.transaction():
            yield PostgresConnection(driver, self._index)

    @contextmanager
    def side(self) -> Iterator[PostgresConnection]:
        """Give the connection on which each statement is committed at once."""
        with self._lent(self._side) as driver:
            yield PostgresConnection(driver, self._index)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session that reads small tables."""
        with _reached_by_engine(), Session(self._reading, info={WRAP: self._wrapped}) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session that writes small tables, with nobody else writing any, committed at the end."""
        with (
            _reached_by_engine(),
            Session(self._engine, expire_on_commit=False, info={WRAP: self._wrapped}) as session,
            session.begin(),
        ):
            session.connection().execute(text(f"SELECT pg_advisory_xact_lock({LOCKS}, {SMALL_LOCK})"))
            yield session
            count_change(session)

    def remembered(self, asked: Hashable, ask: Callable[[], T]) -> T:
        """Return what *ask* reads in small tables, which nobody may change: remembered while none is written."""
        return self._remembered.of(asked, ask)

    def _small_changes(self) -> int:
        with self._lent(self._readers) as driver:
            counted: int = driver.execute(COUNTED).fetchall()[0][0]
            return counted

    @contextmanager
    def alone_in(self, work: Work) -> Iterator[bool]:
        """Have no other server process do *work* meanwhile; gives whether none does already.

        No transaction is held for it: an old one keeps PostgreSQL from clearing up.
        """
        lock = LOCKS, WORK_LOCKS[work]
        with self._lent(self._working) as driver:
            mine: bool = driver.execute("SELECT pg_try_advisory_lock(%s, %s)", lock).fetchall()[0][0]
            try:
                yield mine
            finally:
                if mine and not driver.closed:
                    driver.execute("SELECT pg_advisory_unlock(%s, %s)", lock)

    @staticmethod
    def grown(connection: Connection) -> int:
        """Return how many traces there ever were, about."""
        return int(connection.execute("SELECT last_value FROM trace_numbers").fetchone()[0])

    def close(self) -> None:
        """Close every connection."""
        for pool in (self._readers, self._writers, self._side, self._working):
            pool.close()
        self._engine.dispose()

    def _wrapped(self, driver: psycopg.Connection[Any]) -> PostgresConnection:
        return PostgresConnection(driver, self._index)

    def _pool(self, name: str, most: int) -> ConnectionPool[psycopg.Connection[Any]]:
        return ConnectionPool(
            self.url,
            kwargs={"autocommit": True, "options": _READS if name == "read" else _SETTINGS},
            min_size=0,
            max_size=most,
            open=True,
            name=f"spanwise-{name}",
            timeout=_WAIT_S,
            configure=adapted if name != "side" else _configured_aside,
            check=_check,
            reconnect_timeout=_WAIT_S,
        )

    @staticmethod
    @contextmanager
    def _lent(pool: ConnectionPool[psycopg.Connection[Any]]) -> Iterator[psycopg.Connection[Any]]:
        with reached():
            try:
                lent = pool.getconn()
            except PoolTimeout as error:
                raise Overloaded(
                    "The database cannot be reached, or is busy.",
                    "Nothing that was answered is lost; send the same again in a moment.",
                ) from error
            try:
                yield lent
            finally:
                lent.__dict__[_USED] = time.monotonic()
                pool.putconn(lent)


def _check(driver: psycopg.Connection[Any]) -> None:
    """Find out whether a connection is still there, unless it was a moment ago."""
    if time.monotonic() - driver.__dict__.get(_USED, 0.0) > _SURELY_THERE_S:
        ConnectionPool.check_connection(driver)


def driver_url(url: str) -> str:
    """Return *url* as the driver reads it: other spellings of the scheme are put right."""
    parts = urlsplit(url)
    return urlunsplit(("postgresql", *parts[1:]))


def migrate_database(url: str) -> None:
    """Bring the database at *url* to the newest schema: one process at a time, in one transaction.

    The advisory lock is held from before the version is read until the last change is committed; a process that is
    killed lets go of it, and of all it changed.
    """
    engine = _engine(driver_url(url))
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCKS}, {MIGRATION_LOCK})"))
            version = connection.execute(text("SHOW server_version_num")).scalar_one()
            if int(version) < OLDEST_VERSION:
                raise ConfigError(f"This PostgreSQL is too old: {version}.", "Use version 14 or newer.")
            upgrade(connection, "the database")
    except OperationalError as error:
        said = str(error.orig).strip().splitlines()
        raise ConfigError(
            f"The database cannot be reached: {said[0] if said else error}.", "Correct --store, or start PostgreSQL."
        ) from error
    finally:
        engine.dispose()


def _configured_aside(driver: psycopg.Connection[Any]) -> None:
    adapted(driver)
    # What is handed out here lies before the commit that relies on it, in the log too, and is on the disk with it.
    driver.execute("SET synchronous_commit = off")


def _engine(url: str) -> Engine:
    parts = urlsplit(url)
    engine = create_engine(
        urlunsplit(("postgresql+psycopg", *parts[1:])),
        connect_args={"options": _SETTINGS},
        pool_size=4,
        max_overflow=12,
    )
    event.listen(engine, "connect", lambda driver, _record: adapted(driver))
    event.listen(engine, "checkout", lambda driver, _record, _lent: _check_of_engine(driver))
    event.listen(
        engine, "checkin", lambda driver, _record: driver and driver.__dict__.update({_USED: time.monotonic()})
    )
    return engine


def _check_of_engine(driver: psycopg.Connection[Any]) -> None:
    try:
        _check(driver)
    except psycopg.Error as error:
        raise DisconnectionError from error  # another connection is made


@contextmanager
def _reached_by_engine() -> Iterator[None]:
    try:
        with reached():
            yield
    except OperationalError as error:
        with reached():
            raise (error.orig or error) from error
    except DataError as error:
        if isinstance(error.orig, psycopg.errors.NumericValueOutOfRange):
            raise TooLargeNumber from error
        raise
