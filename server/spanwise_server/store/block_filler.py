"""Takes into the index of attributes what an older version wrote: in the background, by one process at a time.

A mark in the settings says how far it is. Each step moves the mark in the transaction that takes its spans in, so it
may end anywhere, and go on in any process.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from .connection import Connection
from .gin import GinIndex, fill, records_at
from .postgres_connection import LOCKS, WORK_LOCKS
from .postgres_database import PostgresDatabase

logger = logging.getLogger("spanwise.store")

#: Name of the setting with the address of the last span that was taken in; there is none where all were.
FILLED_TO: Final = "attributes_filled_to"
_SPANS_AT_ONCE: Final = 500
_RETRIED_S: Final = 10.0


class BlockFiller:
    """The thread of one process that does the work, or waits for another process to do it."""

    def __init__(self, database: PostgresDatabase, index: GinIndex) -> None:
        self._database = database
        self._index = index
        self._closed = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spanwise-attributes", daemon=True)

    def start(self) -> None:
        """Begin, where there is anything to do."""
        with self._database.read() as connection:
            if not being_filled(connection):
                self._done.set()
                return
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until all is taken in; return whether it is."""
        return self._done.wait(timeout_s)

    def close(self) -> None:
        """Stop; what is left is done at the next start."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                if self.step():
                    self._done.set()
                    return
            except Exception:  # the index is a convenience: it must not stop the server
                logger.exception("attributes could not be indexed; it will be tried again")
                self._closed.wait(_RETRIED_S)
            self._closed.wait(time.monotonic() - began)  # as much for requests

    def step(self) -> bool:
        """Take in the next spans, unless another process is about to; return whether all are in."""
        with self._database.write() as connection:
            lock = LOCKS, WORK_LOCKS["attributes"]
            mine = connection.execute("SELECT pg_try_advisory_xact_lock(?, ?)", lock).fetchone()[0]
            kept = connection.execute("SELECT value FROM settings WHERE name = ?", (FILLED_TO,)).fetchone()
            if kept is None:
                return True
            if not mine:
                return False
            connection.alone()
            found = connection.execute(
                "SELECT id FROM spans WHERE id > ? ORDER BY id LIMIT ?", (int(kept[0]), _SPANS_AT_ONCE)
            ).fetchall()
            addresses = [at for (at,) in found]
            if addresses:
                fill(connection, self._index, list(records_at(connection, addresses)))
                connection.execute("UPDATE settings SET value = ? WHERE name = ?", (str(addresses[-1]), FILLED_TO))
            else:
                connection.execute("DELETE FROM settings WHERE name = ?", (FILLED_TO,))
            return not addresses


def being_filled(connection: Connection) -> bool:
    """Return whether spans are left that an older version wrote."""
    return connection.execute("SELECT 1 FROM settings WHERE name = ?", (FILLED_TO,)).fetchone() is not None
