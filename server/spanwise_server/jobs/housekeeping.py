"""What a running server does by itself from time to time."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from ..store.engine import Store
from .retention import enforce_all

logger = logging.getLogger("spanwise.housekeeping")

_FIRST_S: Final = 60.0
_EVERY_S: Final = 600.0


class Housekeeper:
    """One thread that deletes what is kept no longer, and media that nothing needs; close it before the store."""

    def __init__(self, store: Store, *, first_s: float = _FIRST_S, every_s: float = _EVERY_S) -> None:
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
                deleted = sum(enforce_all(self._store, time.time_ns(), self._closing.wait))
                removed = self._store.sweep_media()
            except Exception:
                logger.exception("What is kept too long could not be deleted; it is tried again in %.0f s", then)
            else:
                if deleted or removed:
                    logger.info("%d traces and %d media files are kept no longer: deleted", deleted, removed)
