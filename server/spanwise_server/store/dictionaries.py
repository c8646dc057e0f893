"""The dictionaries of a store, trained in the background from what its newest traces have in common.

Only words that stand together in several traces go into one: it outlives the traces that it was trained from, and
what a single trace said must be gone when that trace is deleted.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeVar

import zstandard

from . import codec
from .address import span_range
from .connection import Connection
from .payload import dumps, opened, unpack_text
from .sessions import Work

logger = logging.getLogger("spanwise.store")

_SIZE: Final = 65_536
#: Traces and texts that there must be before the first one is trained; how much more before the next one is.
_FIRST_AT: Final = 1_000
_GROWN: Final = 50
#: Or after so long, if there is this much more.
_AGE_NS: Final = 7 * 24 * 3_600_000_000_000
_GROWN_WITH_AGE: Final = 1.2
_LOOKED_EVERY_S: Final = 1.0
#: What is looked at: the newest traces, but little of each, so that no trace of many spans is all there is.
_TRACES: Final = 128
_PAYLOADS_A_TRACE: Final = 4
_BYTES_A_TRACE: Final = 40_000
#: Words that stand together in so many traces are nobody's own.
_TOGETHER: Final = 3
_IN_TRACES: Final = 3
_COUNT_BITS: Final = 2
_MOST_COUNTED: Final = (1 << _COUNT_BITS) - 1
_WORD: Final = re.compile(rb"\w+\W*|\W+")
#: As zstd's trainer takes them: the length of a segment, and of what is counted.
_SEGMENT: Final = 200
_COUNTED: Final = 8
T = TypeVar("T")
Sample = tuple[int, bytes]
"""The trace's row, and something that it said."""


class _Asks(Protocol):
    """A connection, as far as it is needed here."""

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Ask for rows."""


class Keeper(Protocol):
    """A database that dictionaries are kept in."""

    def read(self) -> AbstractContextManager[Connection]:
        """Give a connection that reads."""

    def write(self) -> AbstractContextManager[Connection]:
        """Give a connection that writes in one transaction."""

    def alone_in(self, work: Work) -> AbstractContextManager[bool]:
        """Have no other process do *work* meanwhile; gives whether none does already."""

    def grown(self, connection: Connection) -> int:
        """Return how much there ever was to learn from, about: goes up with every trace."""


def load(connection: _Asks) -> int:
    """Have all dictionaries of a store known; return the number of the newest, ``codec.NONE`` where there is none."""
    newest = codec.NONE
    for (number,) in connection.execute("SELECT id FROM dictionaries ORDER BY made_ns").fetchall():
        if not codec.is_known(number):
            body = connection.execute("SELECT body FROM dictionaries WHERE id = ?", (number,)).fetchone()
            codec.know(body[0])
        newest = number
    return newest


def knowing(connection: Connection, make: Callable[[], T]) -> T:
    """Return what *make* returns; where it lacks a dictionary that another process has trained, with that known."""
    try:
        return make()
    except codec.UnknownDictionary:
        load(connection)
        return make()


class Dictionaries:
    """Keeps one dictionary in use, and trains another when there is much more to learn from."""

    def __init__(self, database: Keeper) -> None:
        self._database = database
        self._looked_at = 0.0
        self._thread: threading.Thread | None = None
        with database.read() as connection:
            self.current = load(connection)
            """The number of the one that is packed with."""

    def look(self, connection: Connection) -> None:
        """Begin to train a dictionary in the background where one is due."""
        now = time.monotonic()
        if now - self._looked_at < _LOOKED_EVERY_S or (self._thread is not None and self._thread.is_alive()):
            return
        self._looked_at = now
        if self._is_due(connection):
            self._thread = threading.Thread(target=self._train, name="spanwise-dictionary", daemon=True)
            self._thread.start()

    def train(self) -> bool:
        """Train a dictionary and use it from now on; return whether there was enough to train it from."""
        with self._database.alone_in("dictionary") as alone:
            return alone and self._train_alone()

    def _train_alone(self) -> bool:
        with self._database.read() as connection:
            load(connection)
            samples = list(_samples(connection))
            size = self._database.grown(connection)
        try:
            trained = zstandard.train_dictionary(_SIZE, [*common(samples)], k=_SEGMENT, d=_COUNTED)
        except zstandard.ZstdError:  # there is too little in common
            return False
        content = trained.as_bytes()
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO dictionaries (id, made_ns, grown, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET made_ns = excluded.made_ns, grown = excluded.grown",
                (trained.dict_id(), time.time_ns(), size, content),
            )
        self.current = codec.know(content)
        return True

    def wait(self) -> None:
        """Wait for what goes on in the background."""
        if self._thread is not None:
            self._thread.join()

    def _train(self) -> None:
        try:
            with self._database.alone_in("dictionary") as alone:
                if alone and not self._was_overtaken():
                    self._train_alone()
        except Exception:  # without a dictionary more is written, and nothing else
            logger.exception("no dictionary could be trained")

    def _was_overtaken(self) -> bool:
        """Return whether another process has trained one, which is used from now on."""
        before = self.current
        with self._database.read() as connection:
            self.current = load(connection)
        return self.current != before

    def _is_due(self, connection: Connection) -> bool:
        """Return whether another one is due; where another process has trained one, use that from now on."""
        size = self._database.grown(connection)
        last = connection.execute(
            "SELECT id, grown, made_ns FROM dictionaries ORDER BY made_ns DESC LIMIT 1"
        ).fetchone()
        if last is None:
            return size >= _FIRST_AT
        number, grown, made_ns = last
        if number != self.current:
            self.current = load(connection)
        return bool(size >= grown * (_GROWN_WITH_AGE if time.time_ns() - made_ns > _AGE_NS else _GROWN))


def _samples(connection: Connection) -> Iterator[Sample]:
    """Yield spans and texts of the newest traces."""
    rows = connection.execute("SELECT id FROM traces ORDER BY id DESC LIMIT ?", (_TRACES,)).fetchall()
    for (row,) in rows:
        room = _BYTES_A_TRACE
        for (body,) in connection.execute(
            f"SELECT body FROM payloads WHERE id BETWEEN ? AND ? LIMIT {_PAYLOADS_A_TRACE}", span_range(row)
        ):
            for raw in _said(connection, body):
                if len(raw) <= room:
                    room -= len(raw)
                    yield row, raw


def _said(connection: Connection, body: bytes) -> Iterator[bytes]:
    names, spans = opened(body)
    for said in spans:
        yield dumps(said)
    for name in names:
        found = connection.execute("SELECT body FROM texts WHERE hash = ?", (name,)).fetchone()
        if found is not None:
            yield unpack_text(found[0]).encode("utf-8", "surrogatepass")


def common(samples: Sequence[Sample]) -> list[bytes]:
    """Return of each of *samples*, which come trace by trace, the words that stand so together in other traces too."""
    # Words are cut out twice: all of them together take ten times what they were cut from.
    traces: dict[int, int] = {}  # how many, below the last of them: a pair takes three times as much
    for trace, raw in samples:
        for run in set(_runs(_WORD.findall(raw))):
            seen = traces.get(run)
            if seen is None:
                traces[run] = trace << _COUNT_BITS | 1
            elif seen >> _COUNT_BITS != trace:
                traces[run] = trace << _COUNT_BITS | min((seen & _MOST_COUNTED) + 1, _IN_TRACES)
    shared = {run for run, seen in traces.items() if seen & _MOST_COUNTED >= _IN_TRACES}
    traces.clear()
    return [kept for _, raw in samples if len(kept := _kept(_WORD.findall(raw), shared)) >= _COUNTED]


def _runs(words: Sequence[bytes]) -> Iterable[int]:
    return map(hash, zip(*(words[at:] for at in range(_TOGETHER)), strict=False))


def _kept(words: Sequence[bytes], shared: set[int]) -> bytes:
    keeps = bytearray(len(words))
    for at, run in enumerate(_runs(words)):
        if run in shared:
            keeps[at : at + _TOGETHER] = b"\x01" * _TOGETHER
    return b"".join(word for word, keep in zip(words, keeps, strict=True) if keep)
