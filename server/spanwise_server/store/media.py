"""Contents that left their spans: files named by what they hold, and which trace needs which.

A file is on the disk before the span that needs it is committed, and is only removed a while after it was last
wanted, when no trace and no example of a dataset needs it: so no order of events leaves a span without its content.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from ..media import media_in
from ..thumbnail import SUFFIX, thumbnail_of
from .connection import Connection

#: How long a file that nothing needs is left: the span that brought it may be waiting to be written.
GRACE_S: Final = 600.0
PUT_MEDIA_USE: Final = "INSERT INTO media_uses (project_id, trace_id, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_ASKED_AT_ONCE: Final = 400


class MediaFolder:
    """The folder of the files; each lies under the first two digits of its SHA-256."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Have *contents*, by digest, on the disk when this returns; raises OSError where they cannot be."""
        folders = set()
        for digest, content in contents.items():
            file = self._file(digest)
            folders.add(file.parent)
            try:
                os.utime(file)  # wanted again: from now on it stays for a while
            except FileNotFoundError:
                self._write(file, content)
        for folder in folders:
            _sync(folder)

    def file_of(self, digest: str) -> Path | None:
        """Return the file of a content, ``None`` where there is none or *digest* is none."""
        if not _DIGEST.fullmatch(digest):
            return None
        file = self._file(digest)
        return file if file.is_file() else None

    def unwanted_for(self, seconds: float) -> Iterator[str]:
        """Yield the digests of files last wanted over *seconds* ago; remove what was never written to its end."""
        latest = time.time() - seconds
        for file in self.path.glob("??/*"):
            with suppress(FileNotFoundError):
                if file.stat().st_mtime > latest or _is_small_of_one(file):
                    continue
                if _DIGEST.fullmatch(file.name):
                    yield file.name
                else:
                    file.unlink()

    def files(self) -> Iterator[Path]:
        """Yield all files there are, each named by its digest."""
        for file in self.path.glob("??/*"):
            if _DIGEST.fullmatch(file.name):
                yield file

    def remove(self, digests: Iterable[str]) -> int:
        """Remove files; return how many there were."""
        removed = 0
        for digest in digests:
            with suppress(FileNotFoundError):
                file = self._file(digest)
                thumbnail_of(file).unlink(missing_ok=True)
                file.unlink()
                removed += 1
        return removed

    def _write(self, file: Path, content: bytes) -> None:
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True, exist_ok=True)
            _sync(self.path)
        unfinished = file.with_name(f"{uuid4().hex}.part")
        try:
            with unfinished.open("xb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            unfinished.replace(file)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def _file(self, digest: str) -> Path:
        return self.path / digest[:2] / digest


def _is_small_of_one(file: Path) -> bool:
    """Say whether *file* is a thumbnail whose picture is there, with which it goes."""
    return file.name.endswith(SUFFIX) and file.with_name(file.name.removesuffix(SUFFIX)).is_file()


def needed(connection: Connection, digests: Iterable[str]) -> set[str]:
    """Return those of *digests* that a trace or an example of a dataset needs, in whichever project."""
    asked = set(digests)
    found = set[str]()
    listed = [bytes.fromhex(digest) for digest in asked]
    for at in range(0, len(listed), _ASKED_AT_ONCE):
        some = listed[at : at + _ASKED_AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = connection.execute(f"SELECT DISTINCT digest FROM media_uses WHERE digest IN ({marks})", some)
        found.update(digest.hex() for (digest,) in rows)
    return found | (asked - found and asked & _in_examples(connection))


def is_of_project(connection: Connection, project_id: int, digest: str) -> bool:
    """Say whether a trace or an example of the project has this content."""
    found = connection.execute(
        "SELECT 1 FROM media_uses WHERE digest = ? AND project_id = ? LIMIT 1", (bytes.fromhex(digest), project_id)
    ).fetchone()
    if found is None:
        found = connection.execute(
            "SELECT 1 FROM examples e JOIN datasets d ON d.id = e.dataset_id "
            "WHERE d.project_id = ? AND CAST(e.body AS TEXT) LIKE ? LIMIT 1",
            (project_id, f"%sha256-{digest}%"),
        ).fetchone()
    return found is not None


def forget_lost_uses(connection: Connection) -> None:
    """Forget the uses of log records that were given up waiting for a span."""
    connection.execute(
        "DELETE FROM media_uses WHERE NOT EXISTS (SELECT 1 FROM traces t WHERE t.project_id = media_uses.project_id "
        "AND t.trace_id = media_uses.trace_id) AND NOT EXISTS (SELECT 1 FROM span_logs l "
        "WHERE l.project_id = media_uses.project_id AND l.trace_id = media_uses.trace_id)"
    )


def _in_examples(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT CAST(body AS TEXT) FROM examples WHERE CAST(body AS TEXT) LIKE ?", ("%spanwise-media:%",)
    )
    return {media.digest for (body,) in rows for media in media_in(body)}


def _sync(folder: Path) -> None:
    """Have the names in *folder* on the disk, where the system can."""
    with suppress(PermissionError):  # Windows opens no folder
        at = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(at)
        finally:
            os.close(at)
