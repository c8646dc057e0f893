"""The text index: its own file, filled by its own thread after the answer was given, and made anew when lost.

``main.db`` keeps a journal entry for each commit; the index remembers the last one it has. Whatever lies between is
read again after a crash, so nothing is missed and nothing need be waited for.
"""

from __future__ import annotations

import logging
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .database import BUSY_MS, prepare_file
from .handed import Handed, Written, text_of
from .index_key import index_key
from .turns import SPANS_BEHIND, Turns

logger = logging.getLogger("spanwise.store")

#: Version of the index; a file of another one is thrown away and filled again.
VERSION: Final = 3
_ENTRIES_AT_ONCE: Final = 64
#: Under load the index waits until the writes rest for so long, but not longer than that: requests come first, and
#: what gathers meanwhile goes in together at half the cost.
_REST_S: Final = 0.2
_LONGEST_WAIT_S: Final = 2.0
_LOOKED_S: Final = 0.05
#: Spans taken in by one transaction of the index, unless a single entry has more.
_SPANS_AT_ONCE: Final = 8_192
#: While pages are asked for it rests so many times as long as it works, where no more spans than these have gathered:
#: each page takes a little longer then, instead of a few of them twice as long.
_RESTS: Final = 3.0
_MOST_SPREAD: Final = 4_096
_SCHEMA: Final = """
CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(
    body, content = '', detail = none, columnsize = 0, tokenize = 'ascii'
);
CREATE TABLE IF NOT EXISTS seen (one INTEGER PRIMARY KEY CHECK (one = 1), entry INTEGER NOT NULL, store TEXT);
INSERT OR IGNORE INTO seen VALUES (1, 0, NULL);
INSERT INTO texts (texts, rank) VALUES ('hashsize', 16777216);
"""

Entries = Callable[[int, int], list[tuple[int, bytes]]]
ReadBack = Callable[[Sequence[int]], Written]
Learn = Callable[[int, Sequence[tuple[int, str]]], None]
"""Is given the texts of spans, by their addresses, as they were in a state that a number tells from all others."""


class SearchIndex:
    """The index file and the thread that fills it."""

    def __init__(
        self, connection: sqlite3.Connection, entries: Entries, read_back: ReadBack, turns: Turns, learn: Learn
    ) -> None:
        self._learn = learn
        self._states: dict[int, int] = {}
        """In which state of the spans an entry was handed over."""
        self._entries = entries
        """Gives up to so many journal entries behind a number."""
        self._read_back = read_back
        self._turns = turns
        self._handed = Handed(turns)
        self._wake = threading.Event()
        self._handed_at = 0.0
        self._closed = threading.Event()
        self._hurry = threading.Event()
        self._connection = connection
        self._writes = threading.Lock()
        self._filling_s = 0.0
        self.seen: int = self._connection.execute("SELECT entry FROM seen").fetchone()[0]
        """The last journal entry whose words can be found."""
        self._thread = threading.Thread(target=self._run, name="spanwise-search", daemon=True)

    @property
    def cpu_s(self) -> float:
        """CPU seconds that it has taken: to make texts of spans, and to fill it with them."""
        return self._filling_s + self._handed.putting_s + self._handed.taking_s

    def start(self) -> None:
        """Begin to fill the index, first with what a crash left out."""
        self._wake.set()
        self._thread.start()

    def hand(self, entry: int, written: Written, state: int) -> None:
        """Take what a commit wrote, so that it need not be read back; *state* tells the spans from what they were."""
        self._states[entry] = state
        self._handed.put(entry, written)
        self._handed_at = time.monotonic()
        self._wake.set()

    def look(self) -> None:
        """Take in what the journal names and nobody has handed over."""
        self._wake.set()

    def drop(self, written: Written) -> None:
        """Take the words of spans that are in the index out of it: those that it finds in them today.

        A word that is left, of a span that was read in another way before, finds nothing: its address leads nowhere.
        """
        rows = [(index_key(at), text_of(record)) for at, record in written]
        try:
            with self._transaction():
                self._connection.executemany("INSERT INTO texts (texts, rowid, body) VALUES ('delete', ?, ?)", rows)
        except sqlite3.DatabaseError:  # what it counts of its words may be less than what is taken out
            logger.exception("%d spans could not be taken out of the text index; `spanwise reindex` will", len(rows))

    def wait_for(self, entry: int, timeout_s: float) -> bool:
        """Wait until the words of *entry* can be found; return whether they can."""
        end = time.monotonic() + timeout_s
        self._hurry.set()
        while self.seen < entry and time.monotonic() < end:
            time.sleep(0.002)
        return self.seen >= entry

    def close(self) -> None:
        """Stop; what is not in the index yet will be at the next start."""
        self._closed.set()
        self._hurry.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            pause = self._fill_all()
            if not self._closed.is_set():
                self._wake.wait(pause)

    def _fill_all(self) -> float | None:
        """Put all entries there are into the index; return after how many seconds to look again unasked."""
        try:
            while not self._closed.is_set() and self._fill():
                self._let_writes_pass()
        except Exception:  # the index is a convenience: it must neither stop the server nor spin
            logger.exception("the text index could not be filled; it will be tried again in ten seconds")
            return 10.0
        return None

    def _let_writes_pass(self) -> None:
        """Wait while spans keep coming in, up to a limit, unless somebody waits for the index."""
        end = time.monotonic() + _LONGEST_WAIT_S
        while time.monotonic() < end and not self._closed.is_set():
            self._handed.to_texts()
            if self._hurry.wait(_LOOKED_S) or time.monotonic() - self._handed_at > _REST_S:
                break
        self._hurry.clear()

    def _fill(self) -> bool:
        """Put the next entries into the index; return whether there were any."""
        entries = _first_of(self._entries(self.seen, _ENTRIES_AT_ONCE))
        if not entries:
            return False
        began, making = time.thread_time(), self._handed.taking_s
        texts: dict[int, str | None] = {}
        for entry, packed in entries:
            handed, state = self._handed.take(entry), self._states.pop(entry, None)
            if handed is not None and state is not None:
                self._learn(state, handed)
            texts.update(dict.fromkeys(struct.unpack(f"<{len(packed) // 8}q", packed)) if handed is None else handed)
        # The index is cheapest to fill in the order of its rows.
        latest = sorted(texts.items(), key=lambda one: index_key(one[0]))
        with self._transaction():
            for at in range(0, len(latest), SPANS_BEHIND):
                worked = time.thread_time()
                self._put(latest[at : at + SPANS_BEHIND])
                self._handed.to_texts()  # or whoever commits meanwhile has to
                if len(latest) <= _MOST_SPREAD and self._turns.pages.are_asked_for:
                    self._hurry.wait((time.thread_time() - worked) * _RESTS)
            self._connection.execute("UPDATE seen SET entry = ?", (entries[-1][0],))
        self.seen = entries[-1][0]
        self._filling_s += time.thread_time() - began - (self._handed.taking_s - making)
        return True

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._writes:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _put(self, texts: Sequence[tuple[int, str | None]]) -> None:
        with self._turns.behind:
            rows = [(index_key(at), text) for at, text in texts if text is not None]
            missing = [at for at, text in texts if text is None]
            if missing:
                rows += [(index_key(at), text_of(record)) for at, record in self._read_back(missing)]
            self._connection.executemany("INSERT INTO texts (rowid, body) VALUES (?, ?)", rows)


def _first_of(entries: Sequence[tuple[int, bytes]]) -> Sequence[tuple[int, bytes]]:
    """Return as many of *entries* as one transaction takes, one at least."""
    spans = 0
    for at, (_, packed) in enumerate(entries):
        spans += len(packed) // 8
        if spans > _SPANS_AT_ONCE:
            return entries[: max(at, 1)]
    return entries


def open_index(path: Path, store: str, last_entry: int) -> sqlite3.Connection:
    """Return a writing connection to the index at *path* of the store with this id and last journal entry.

    One that is broken, of another version or store, or ahead of its store (which then was put back from a copy) is
    made anew.
    """
    try:
        connection = _open(path)
    except sqlite3.DatabaseError:
        logger.warning("the text index %s cannot be read; it is made anew", path.name)
        return _made_anew(path, store)
    entry, of_store = connection.execute("SELECT entry, store FROM seen").fetchone()
    if of_store == store and entry <= last_entry:
        return connection
    connection.close()
    return _made_anew(path, store)


def _made_anew(path: Path, store: str) -> sqlite3.Connection:
    drop_index(path)
    connection = _open(path)
    connection.execute("UPDATE seen SET store = ?", (store,))
    return connection


def drop_index(path: Path) -> None:
    """Remove the index; nobody may have it open."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    prepare_file(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA synchronous = NORMAL")  # a commit lost with the power is filled in from the journal
        connection.execute("PRAGMA secure_delete = OFF")
        _set_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, VERSION):
        raise sqlite3.DatabaseError(f"the index is of version {version}, not {VERSION}")
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA user_version = {VERSION}")
