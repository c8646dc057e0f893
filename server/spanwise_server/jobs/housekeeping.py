"""What a running server does by itself from time to time."""

from __future__ import annotations

import logging
import threading
from typing import Final

from ..store.sqlite import SqliteStore

logger = logging.getLogger("spanwise.housekeeping")

_FIRST_S: Final = 60.0
_EVERY_S: Final = 600.0


class Housekeeper:
    """One thread that removes media which nothing needs any more; close it before the store."""

    def __init__(self, store: SqliteStore, *, first_s: float = _FIRST_S, every_s: float = _EVERY_S) -> None:
        self._store = store
        self._waits = first_s, every_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spanwise-housekeeping", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what is under way, and end."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        wait, then = self._waits
        while not self._closing.wait(wait):
            wait = then
            try:
                removed = self._store.sweep_media()
            except Exception:
                logger.exception("Media that nothing needs could not be removed; it is tried again in %.0f s", then)
            else:
                if removed:
                    logger.info("%d media files that nothing needs were removed", removed)
