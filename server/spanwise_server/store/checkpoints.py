"""Moves what SQLite's log holds into the database in a thread of its own, so that no commit waits for it.

Left to itself, SQLite does so within whichever commit makes the log long, and whoever waits for that one waits for
thousands of pages to be on the disk.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("spanwise.store")

#: Spans written from which on it is worth while; and how long it is let be in between.
_SPANS: Final = 256
_PAUSE_S: Final = 0.5


class Checkpoints:
    """The thread, and what it waits for."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._spans = 0
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spanwise-checkpoint", daemon=True)

    def start(self) -> None:
        """Begin to wait for commits."""
        self._thread.start()

    def wrote(self, spans: int) -> None:
        """Take in that a commit wrote so many spans."""
        self._spans += spans
        if self._spans >= _SPANS:
            self._spans = 0
            self._wake.set()

    def close(self) -> None:
        """End."""
        self._closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        try:
            while self._wake.wait() and not self._closed.is_set():
                self._wake.clear()
                try:
                    # Waits for nobody: what others read or write meanwhile stays in the log.
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                except sqlite3.Error:  # the commits do it themselves once the log is long
                    logger.warning("the log could not be moved into the database", exc_info=True)
                self._closed.wait(_PAUSE_S)
        finally:
            connection.close()
