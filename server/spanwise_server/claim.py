"""Whose the data folder is: one server's at a time, or that of a command which must be alone with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .errors import ConfigError

if sys.platform != "win32":
    import fcntl

LOCK_FILE: Final = "server.lock"


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """Hold the data folder for this process; the operating system lets go of it however the process ends.

    Raises ConfigError where another process holds it, or where it cannot be written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        claim = (data / LOCK_FILE).open("a")
    except OSError as error:
        raise ConfigError(f"Cannot write to {data}: {error.strerror}.", "Choose another folder with --data.") from error
    with claim:
        if sys.platform != "win32":
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConfigError(
                    f"Another Spanwise server uses the data in {data}.",
                    "Stop it first, or choose another folder with --data.",
                ) from error
        yield


def is_claimed(data: Path) -> bool:
    """Return whether a process holds the data folder now; nothing is made or changed."""
    try:
        claim = (data / LOCK_FILE).open()
    except OSError:
        return False
    with claim:
        if sys.platform == "win32":
            return False
        try:
            fcntl.flock(claim, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
