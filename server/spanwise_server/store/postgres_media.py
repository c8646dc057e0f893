"""Contents of media in the database itself, so that every server process has them, with a folder to serve them from."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import SpanwiseError
from .media import MediaFolder, needed

if TYPE_CHECKING:
    from .postgres_connection import PostgresConnection
    from .postgres_database import PostgresDatabase

_DIGEST: Final = re.compile("[0-9a-f]{64}")
_SWEPT_AT_ONCE: Final = 500
#: How long a file that was not asked for stays in the folder.
_CACHED_S: Final = 3_600.0
_PUT: Final = (
    "INSERT INTO media (digest, wanted_ns, body) VALUES (?, ?, ?) "
    "ON CONFLICT (digest) DO UPDATE SET wanted_ns = excluded.wanted_ns"
)


class DatabaseMedia:
    """The contents, by their SHA-256; the folder holds copies of what was asked for lately."""

    def __init__(self, database: Callable[[], PostgresDatabase], cache: Path) -> None:
        self._database = database
        self._cache = MediaFolder(cache)

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Have *contents*, by digest, kept when this returns; raises OSError where they cannot be."""
        now = time.time_ns()
        rows = sorted((bytes.fromhex(digest), now, content) for digest, content in contents.items())
        try:
            with self._database().write() as connection:
                connection.executemany(_PUT, rows)
        except SpanwiseError as error:
            raise OSError(error.message) from error

    @staticmethod
    def is_digest(text: str) -> bool:
        """Return whether *text* can name a content."""
        return _DIGEST.fullmatch(text) is not None

    def file_of(self, connection: PostgresConnection, digest: str) -> Path | None:
        """Return a file with a content, ``None`` where there is none."""
        file = self._cache.file_of(digest)
        if file is not None:
            return file
        found = connection.execute("SELECT body FROM media WHERE digest = ?", (bytes.fromhex(digest),)).fetchone()
        if found is None:
            return None
        self._cache.keep({digest: bytes(found[0])})
        return self._cache.file_of(digest)

    def sweep(self, grace_s: float) -> int:
        """Remove contents that nothing needs, last wanted over *grace_s* ago; return how many."""
        self._cache.remove(list(self._cache.unwanted_for(_CACHED_S)))
        before = time.time_ns() - int(grace_s * 1e9)
        removed, last = 0, b""
        while True:
            with self._database().write() as connection:
                connection.alone()  # so that nobody, in no process, needs one of them meanwhile
                found = connection.execute(
                    "SELECT digest FROM media WHERE digest > ? AND wanted_ns <= ? ORDER BY digest LIMIT ?",
                    (last, before, _SWEPT_AT_ONCE),
                ).fetchall()
                if not found:
                    return removed
                some = {bytes(digest).hex() for (digest,) in found}
                gone = sorted(some - needed(connection, some))
                connection.executemany("DELETE FROM media WHERE digest = ?", [(bytes.fromhex(one),) for one in gone])
                self._cache.remove(gone)
                removed += len(gone)
                last = bytes(found[-1][0])
