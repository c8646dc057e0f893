"""What commits hand to the text index in memory, so that it need not be read back: records first, soon only texts.

A record takes five times the memory of its text, and the index may be far behind while requests come first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from ..record import Record
from .attribute_words import attribute_words
from .search_words import BETWEEN, indexed, searchable
from .turns import SPANS_A_TURN, SPANS_BEHIND, Turns

#: Address and record of each span that a commit wrote.
Written = Sequence[tuple[int, Record]]
#: Address and text of each of them.
Texts = list[tuple[int, str]]

#: Spans kept as records: 13 KB each, where half of them are of models.
MOST_RECORDS: Final = 2_048
#: Characters kept as texts.
MOST_CHARS: Final = 20_000_000


class Handed:
    """A bounded place between commits and the index; what finds no room is read back from the store."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._lock = threading.Lock()
        self._records: dict[int, Written] = {}
        self._spans = 0
        self._texts: dict[int, tuple[Texts, int]] = {}
        self._chars = 0
        self.putting_s = 0.0
        """CPU seconds that making texts of records has taken, where they found no room."""
        self.taking_s = 0.0
        """The same for the index."""

    def put(self, entry: int, written: Written) -> None:
        """Take what the commit of journal entry *entry* wrote; where records find no room, as texts."""
        with self._lock:
            fits = self._spans + len(written) <= MOST_RECORDS
            if fits:
                self._records[entry] = written
                self._spans += len(written)
        if not fits:
            self.putting_s += self._keep(entry, written, self._turns, SPANS_A_TURN)

    def to_texts(self) -> None:
        """Turn all records into texts."""
        while (found := self._next()) is not None:
            self.taking_s += self._keep(*found, self._turns.behind, SPANS_BEHIND)

    def take(self, entry: int) -> Texts | None:
        """Return the texts of *entry* and forget them; ``None`` where they are not here."""
        self.to_texts()
        with self._lock:
            texts, chars = self._texts.pop(entry, (None, 0))
            self._chars -= chars
        return texts

    def _next(self) -> tuple[int, Written] | None:
        with self._lock:
            entry = next(iter(self._records), None)
            if entry is None:
                return None
            written = self._records.pop(entry)
            self._spans -= len(written)
        return entry, written

    def _keep(self, entry: int, written: Written, turn: AbstractContextManager[None], at_once: int) -> float:
        """Keep the texts of *written*, where there is room; return the CPU seconds that making them took."""
        took = 0.0
        if self._chars >= MOST_CHARS:
            return took
        texts: Texts = []
        for at in range(0, len(written), at_once):
            with turn:
                began = time.thread_time()
                texts += [(address, text_of(record)) for address, record in written[at : at + at_once]]
                took += time.thread_time() - began
        chars = sum(len(text) for _, text in texts)
        with self._lock:
            self._texts[entry] = texts, chars
            self._chars += chars
        return took


def text_of(record: Record) -> str:
    """Return what the index is given of a span."""
    return f"{indexed(searchable(record))}{BETWEEN}{attribute_words(record)}"
