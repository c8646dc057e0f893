"""Whether a span is what its words promise, proved on the span itself: dear, so the figures of a page prove few."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from ..query.filters import Term, Text
from ..record import Record
from .attribute_words import says
from .search_words import holds, searchable, words_in

#: For figures so many spans are proved; of the rest their words are believed, and the figures say that they are not
#: exact.
MOST_PROVED: Final = 250
#: For a page, which shows nothing that is not proved, before it is looked for without what is kept in memory.
MOST_PROVED_OF_PAGE: Final = 4_000
#: So many spans of a trace are read back together: the first that is proved is enough.
_READ_AT_ONCE: Final = 4
#: What was proved is remembered, since the parts of a page ask for the same spans.
_MOST_REMEMBERED: Final = 50_000

#: So many phrases that were asked lately are proved on spans as these are indexed, while their text is at hand.
_MOST_LATELY: Final = 4
_LATELY_S: Final = 60.0

ReadBack = Callable[[Sequence[int]], list[tuple[int, Record]]]


def packed_term(term: Term) -> str:
    """Return *term* as the SQL function that proves it takes it."""
    return json.dumps([term.field, term.operator, term.values])


class UnprovenError(Exception):
    """The traces of a page depend on spans that were not proved yet, which is done while nobody waits for the sets."""

    def __init__(self, part: Text | Term, traces: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.part = part
        self.traces = traces
        """Of each trace, the addresses of the spans that have the words and were not proved."""


class Proofs:
    """Proves phrases and terms on spans, as SQL functions: what a thread asks for together may have a limit."""

    def __init__(self, read_back: ReadBack, version: Callable[[], int]) -> None:
        self._read_back = read_back
        self._version = version
        """Changes whenever a span that was there was written again."""
        self._known: OrderedDict[tuple[int, int, str], bool] = OrderedDict()
        self._lately: OrderedDict[str, float] = OrderedDict()
        """When phrases were asked, the newest last."""
        self._lock = threading.Lock()
        self._asked = threading.local()

    @contextmanager
    def limited(self, most: int = MOST_PROVED) -> Iterator[Callable[[], bool]]:
        """Let this thread prove at most so many spans; gives what tells whether that was enough."""
        self._asked.left = most
        try:
            yield lambda: getattr(self._asked, "left", 0) >= 0
        finally:
            del self._asked.left

    def holds(self, at: int, phrase: str) -> bool:
        """Return whether the text of the span at *at* holds *phrase*."""
        self._note(phrase)
        return self._proved(at, phrase, _holding(phrase))

    def says(self, at: int, packed: str) -> bool:
        """Return whether the span at *at* says what the packed term asks for."""
        return self._proved(at, packed, _saying(_term(packed)))

    def known(self, part: Text | Term, spans: Sequence[int]) -> tuple[bool, Sequence[int]]:
        """Return whether any of *spans* was proved to be what *part* asks for; and those not looked at, where not."""
        if isinstance(part, Text):
            self._note(part.phrase)
        what, version = _what(part), self._version()
        found = [self._known.get((version, at, what)) for at in spans]
        if True in found:
            return True, ()
        return False, [at for at, proved in zip(spans, found, strict=True) if proved is None]

    def prove(self, unproven: UnprovenError) -> bool:
        """Prove spans of traces and remember it, of each trace until one is; return whether so many may be proved."""
        what = _what(unproven.part)
        prove = _holding(unproven.part.phrase) if isinstance(unproven.part, Text) else _saying(unproven.part)
        for spans in unproven.traces:
            latest = spans[::-1]  # which is sent all that was said before
            for some in (latest[at : at + _READ_AT_ONCE] for at in range(0, len(latest), _READ_AT_ONCE)):
                self._asked.left -= len(some)
                if self._asked.left < 0:
                    return False
                version = self._version()
                found = {at: prove(record) for at, record in self._read_back(some)}
                for at in some:
                    self._remember((version, at, what), found.get(at, False))
                if any(found.values()):
                    break
        return True

    @property
    def version(self) -> int:
        """Tells the spans as they are now from what they were."""
        return self._version()

    def learn(self, version: int, texts: Sequence[tuple[int, str]]) -> None:
        """Prove what was asked lately on texts of spans, as the index is given them, by their addresses."""
        now = time.monotonic()
        for phrase in [phrase for phrase, asked in list(self._lately.items()) if now - asked < _LATELY_S]:
            words = words_in(phrase)
            for at, text in texts:
                # Another one is folded already; of one that lacks a word nobody asks.
                if text.isascii() and all(map(text.lower().__contains__, words)):
                    self._remember((version, at, phrase), holds(text, phrase))

    def _note(self, phrase: str) -> None:
        with self._lock:
            self._lately[phrase] = time.monotonic()
            self._lately.move_to_end(phrase)
            if len(self._lately) > _MOST_LATELY:
                self._lately.popitem(last=False)

    def _remember(self, key: tuple[int, int, str], found: bool) -> None:  # noqa: FBT001  # a value, not a switch
        with self._lock:
            self._known[key] = found
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)

    def _proved(self, at: int, what: str, prove: Callable[[Record], bool]) -> bool:
        key = self._version(), at, what
        known = self._known.get(key)
        if known is not None:
            return known
        left = getattr(self._asked, "left", None)
        if left is not None:
            self._asked.left = left - 1 if left >= 0 else left
            if left <= 0:
                return True
        found = any(prove(record) for _, record in self._read_back([at]))
        self._remember(key, found)
        return found


def _what(part: Text | Term) -> str:
    return part.phrase if isinstance(part, Text) else packed_term(part)


def _holding(phrase: str) -> Callable[[Record], bool]:
    return lambda record: holds(searchable(record), phrase)


def _saying(term: Term) -> Callable[[Record], bool]:
    return lambda record: says(record, term)


@lru_cache(maxsize=100)
def _term(packed: str) -> Term:
    field, operator, values = json.loads(packed)
    return Term(field, operator, tuple(values))
