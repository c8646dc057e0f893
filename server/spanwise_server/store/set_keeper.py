"""Lends the sets of a store's traces: loaded when figures are first asked for, and given up when nobody asks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from .connection import Connection
from .set_source import Moment, SetSource
from .trace_sets import TraceSets

logger = logging.getLogger("spanwise.store")

#: With more traces than this the sets are loaded beside, and until then figures are asked of the database.
MOST_LOADED_AT_ONCE: Final = 10_000
#: With more than this they take too much memory: 32 bytes a trace for its numbers, and about as much for its words.
MOST_TRACES: Final = 4_000_000
_FOLLOWED_EVERY_S: Final = 2.0
#: Whoever makes a page meanwhile goes on after a few milliseconds of loading.
_PAUSE_S: Final = 0.01
_GIVEN_UP_AFTER_S: Final = 900.0

Reading = Callable[[], AbstractContextManager[Connection]]


class SetKeeper:
    """The sets of one store's traces, and the thread that loads them and has them follow."""

    def __init__(self, reading: Reading, source: Callable[[Connection], SetSource]) -> None:
        self._reading = reading
        self._source = source
        self._lock = threading.Lock()
        self._sets: TraceSets | None = None
        self._too_many = False
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._asked_at = 0.0

    @contextmanager
    def lent(self, connection: Connection) -> Iterator[TraceSets | None]:
        """Give the sets as *connection* sees them, or a moment newer, to this thread alone; ``None`` without any."""
        self._asked_at = time.monotonic()
        with self._lock:
            if self._sets is not None and not self._follow(self._sets, connection):
                self._sets = None
            if self._sets is None:
                self._load(connection)
            yield self._sets

    def lacks(self) -> bool:
        """Return whether there are no sets, and somebody who looks at a list of all may soon ask for some of it."""
        self._asked_at = time.monotonic()
        return self._sets is None and self._thread is None and not self._too_many

    def begin(self, connection: Connection) -> None:
        """Begin to load the sets of very many traces."""
        if not self._are_few(connection):
            with self._lock:
                self._load(connection)

    def unneeded(self, connection: Connection) -> Moment | None:
        """Return the last moment of whose changes nobody here needs to be told, ``None`` where all may be needed."""
        sets, thread = self._sets, self._thread
        if sets is not None:
            return sets.at
        return None if thread is not None else self._source(connection).moment(connection)

    def close(self) -> None:
        """Stop."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _load(self, connection: Connection) -> None:
        """Load the sets at once where they are small, else have it done."""
        if self._thread is not None or self._too_many:
            return
        if self._are_few(connection):
            self._sets = TraceSets.load(connection, self._source(connection))
            return
        self._thread = threading.Thread(target=self._run, name="spanwise-sets", daemon=True)
        self._thread.start()

    @staticmethod
    def _are_few(connection: Connection) -> bool:
        few = f"SELECT 1 FROM traces LIMIT {MOST_LOADED_AT_ONCE + 1}"
        (count,) = connection.execute(f"SELECT count(*) FROM ({few}) AS few").fetchone()
        return int(count) <= MOST_LOADED_AT_ONCE

    def _run(self) -> None:
        """Load the sets, and let them follow what is written for as long as somebody asks for them."""
        try:
            while not self._closed.is_set() and time.monotonic() - self._asked_at < _GIVEN_UP_AFTER_S:
                with self._reading() as connection:
                    if not self._keep_up(connection):
                        break
                while not self._closed.wait(_PAUSE_S) and self._learn_some():
                    pass
                self._closed.wait(_FOLLOWED_EVERY_S)
        except Exception:  # the sets are a convenience: without them the database is asked
            logger.exception("the sets of traces could not be kept; the database is asked instead")
        finally:
            with self._lock:
                self._sets, self._thread = None, None

    def _keep_up(self, connection: Connection) -> bool:
        """Bring the sets to what *connection* sees; return whether there are any."""
        with self._lock:
            sets = self._sets
            if sets is not None:
                if not self._follow(sets, connection):
                    self._sets = None
                return True
        if connection.execute("SELECT count(*) FROM traces").fetchone()[0] > MOST_TRACES:
            self._too_many = True
            return False
        sets = TraceSets.load(connection, self._source(connection), lambda: self._closed.wait(_PAUSE_S))
        with self._lock:
            self._sets = sets
        return True

    def _learn_some(self) -> bool:
        """Have the sets look up some of what was asked of them; return whether there was anything."""
        with self._reading() as connection, self._lock:
            sets = self._sets
            return sets is not None and self._follow(sets, connection) and sets.learn_some(connection)

    @staticmethod
    def _follow(sets: TraceSets, connection: Connection) -> bool:
        """Bring *sets* to what *connection* sees; return whether they can be used."""
        try:
            return sets.follow(connection)
        except Exception:  # half of a change may be in them
            logger.exception("the sets of traces could not follow what was written; they are loaded anew")
            return False
