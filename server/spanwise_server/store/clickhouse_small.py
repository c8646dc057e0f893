"""The small tables beside ClickHouse: SQLite in the data folder of one machine, or PostgreSQL for several servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from .connection import Connection
from .database import Database
from .media import MediaFolder, needed
from .migrate import migrate
from .sessions import Sessions

_SWEPT_AT_ONCE: Final = 500
#: The small tables where they lie in a data folder.
SMALL_FILE: Final = "small.db"


class SmallDatabase(Sessions, Protocol):
    """A database with the small tables."""

    @property
    def write_lock(self) -> AbstractContextManager[Any]:
        """Held by the one thread of this process that writes spans."""

    def read(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one moment of everything until the end."""

    def write(self) -> AbstractContextManager[Connection]:
        """Give a connection in a transaction that is committed at the end."""

    def close(self) -> None:
        """Close every connection."""


class Media(Protocol):
    """Where contents of media are kept."""

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Have *contents*, by digest, kept when this returns; raises OSError where they cannot be."""

    def file_of(self, connection: Any, digest: str) -> Path | None:
        """Return a file with a content, ``None`` where there is none."""

    def sweep(self, grace_s: float) -> int:
        """Remove what nothing needs and nobody brought for so long; return how many."""


class FolderMedia:
    """Contents as files of the data folder."""

    def __init__(self, database: Callable[[], SmallDatabase], path: Path) -> None:
        self._database = database
        self._folder = MediaFolder(path)

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Have *contents*, by digest, on the disk when this returns; raises OSError where they cannot be."""
        self._folder.keep(contents)

    def file_of(self, connection: Any, digest: str) -> Path | None:  # noqa: ARG002  # a database's media need it
        """Return the file of a content, ``None`` where there is none."""
        return self._folder.file_of(digest)

    def sweep(self, grace_s: float) -> int:
        """Remove what nothing needs and nobody brought for so long; return how many."""
        unwanted, removed = list(self._folder.unwanted_for(grace_s)), 0
        for at in range(0, len(unwanted), _SWEPT_AT_ONCE):
            some = unwanted[at : at + _SWEPT_AT_ONCE]
            with self._database().write() as connection:
                removed += self._folder.remove(set(some) - needed(connection, some))
        return removed


def small_tables(url: str | None, path: Path) -> tuple[SmallDatabase, Media]:
    """Return the small tables at *url*, or in the file at *path*, at the newest schema, and where media go."""
    if url is None:
        migrate(path)
        embedded = Database(path, path.with_name("search.db"))
        return embedded, FolderMedia(lambda: embedded, path.with_name("media"))
    from .gin import GinIndex  # noqa: PLC0415  # PostgreSQL's driver is optional
    from .postgres_database import PostgresDatabase, migrate_database  # noqa: PLC0415  # as above
    from .postgres_media import DatabaseMedia  # noqa: PLC0415  # as above

    migrate_database(url)
    database = PostgresDatabase(url, GinIndex(full_text=False))
    return database, DatabaseMedia(lambda: database, path.with_name("media-cache"))
