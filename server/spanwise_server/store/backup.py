"""A copy of a store as it stood at one moment, made while the store is written to, and put back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from ..errors import ConfigError
from .database import BUSY_MS
from .search import drop_index

MAIN_FILE: Final = "main.db"
MEDIA_FOLDER: Final = "media"
_UNFINISHED: Final = ".part"
_LOOKED_S: Final = 0.2

#: Is told how many bytes of how many are written.
Told = Callable[[int, int], None]


def back_up(data: Path, to: Path, told: Told = lambda _done, _of: None, *, name: str = MAIN_FILE) -> int:
    """Copy the store in *data* into the folder *to*; return how many media files were new there.

    The copy is of one moment, whatever is written meanwhile; it takes the place of an older one in *to* only when it is
    whole and on the disk. Media never change, so only new ones are copied.
    """
    source, copy = data / name, to / name
    if not source.is_file():
        raise ConfigError(f"There is no data in {data}.", "Say where it is with --data.")
    if to.resolve() == data.resolve():
        raise ConfigError("A backup cannot lie in the data folder itself.", "Choose another folder.")
    try:
        to.mkdir(parents=True, exist_ok=True)
        _copy_main(source, copy, told)
        return _copy_media(data / MEDIA_FOLDER, to / MEDIA_FOLDER)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(
            f"The backup cannot be written to {to}: {error}.", "A backup that was there before is untouched."
        ) from error


def restore(backup: Path, data: Path, *, name: str = MAIN_FILE) -> int:
    """Put a backup into the empty folder *data*; return how many media files it has.

    The text index is made anew when the store is opened.
    """
    source, target = backup / name, data / name
    if not source.is_file():
        raise ConfigError(f"There is no backup in {backup}.", f"Name the folder that holds its {name}.")
    if target.exists():
        raise ConfigError(f"There is data in {data} already.", "Move it away, or choose another folder with --data.")
    wrong = damage(source)
    if wrong is not None:
        raise ConfigError(f"The backup is damaged: {wrong}.", "Take another one.")
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        drop_index(data / "search.db")
        media = _copy_media(backup / MEDIA_FOLDER, data / MEDIA_FOLDER)
        with _whole(target) as unfinished:
            shutil.copyfile(source, unfinished)
    except OSError as error:
        raise ConfigError(
            f"The backup cannot be put into {data}: {error}.", "Make room there and try again."
        ) from error
    return media


def damage(file: Path, *, full: bool = False) -> str | None:
    """Return what is wrong with a database file, ``None`` where nothing is; *full* looks at every index too."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            found = connection.execute(f"PRAGMA {'integrity_check' if full else 'quick_check'}(1)").fetchone()[0]
            return None if found == "ok" else str(found)
    except sqlite3.DatabaseError as error:
        return str(error)


def _copy_main(source: Path, copy: Path, told: Told) -> None:
    with (
        _whole(copy) as unfinished,
        closing(sqlite3.connect(source, isolation_level=None, check_same_thread=False)) as connection,
    ):
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        done = threading.Event()
        telling = threading.Thread(target=_tell, args=(unfinished, (pages - free) * size, told, done), daemon=True)
        telling.start()
        try:
            # Unlike SQLite's backup interface it need not begin again whenever somebody writes.
            connection.execute("VACUUM INTO ?", (str(unfinished),))
        finally:
            done.set()
            telling.join()


def _tell(file: Path, of: int, told: Told, done: threading.Event) -> None:
    while not done.wait(_LOOKED_S):
        if file.exists():
            told(min(file.stat().st_size, of), of)


def _copy_media(source: Path, target: Path) -> int:
    copied = 0
    for file in _files(source):
        copy = target / file.parent.name / file.name
        if copy.exists():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            with _whole(copy) as unfinished:
                shutil.copyfile(file, unfinished)
        except FileNotFoundError:
            continue  # swept in the meantime: nothing needs it
        copied += 1
    return copied


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.glob("??/*") if "." not in file.name)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Give the name to write *target* under: it is on the disk whole in the end, or nothing of it takes room there."""
    unfinished = target.with_name(target.name + _UNFINISHED)
    unfinished.unlink(missing_ok=True)  # of a backup that was killed
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    except BaseException:
        for left in (unfinished, unfinished.with_name(unfinished.name + "-journal")):
            left.unlink(missing_ok=True)
        raise
