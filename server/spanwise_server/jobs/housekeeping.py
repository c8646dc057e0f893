"""What a running server does by itself from time to time."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from ..store.engine import Store
from .label_rules import EVERY_S, fill_queues
from .retention import enforce_all

logger = logging.getLogger("spanwise.housekeeping")

_FIRST_S: Final = 60.0
_EVERY_S: Final = 600.0


class Repeated:
    """One thread that does something from time to time; close it before the store."""

    name = "spanwise-repeated"

    def __init__(self, first_s: float, every_s: float) -> None:
        self._waits = first_s, every_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
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
                self._do()
            except Exception:
                logger.exception("%s failed; it is tried again in %.0f s", self.name, then)

    def _do(self) -> None:
        raise NotImplementedError


class Filler(Repeated):
    """Fills the queues that take new traces by themselves."""

    name = "spanwise-queues"

    def __init__(self, store: Store, *, every_s: float = EVERY_S) -> None:
        self._store = store
        super().__init__(every_s, every_s)

    def _do(self) -> None:
        with self._store.alone_in("queues") as alone:
            if alone:
                fill_queues(self._store, now_ns=time.time_ns())


class Housekeeper(Repeated):
    """Deletes what is kept no longer, and media that nothing needs; beside it queues are filled."""

    name = "spanwise-housekeeping"

    def __init__(self, store: Store, *, first_s: float = _FIRST_S, every_s: float = _EVERY_S) -> None:
        self._store = store
        self._filler = Filler(store)
        super().__init__(first_s, every_s)

    def close(self) -> None:
        """Finish what is under way, and end; the filling of queues too."""
        self._filler.close()
        super().close()

    def _do(self) -> None:
        with self._store.alone_in("housekeeping") as alone:
            if alone:  # else another server of the same database is at it
                self._clear()

    def _clear(self) -> None:
        deleted = sum(enforce_all(self._store, time.time_ns(), self._closing.wait))
        removed = self._store.sweep_media()
        if deleted or removed:
            logger.info("%d traces and %d media files are kept no longer: deleted", deleted, removed)
