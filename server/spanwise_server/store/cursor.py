"""Where a page ends, as a text that a caller hands back: opaque, and refused politely when it was not ours."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from struct import Struct
from typing import Final

import orjson

from ..errors import SpanwiseError

_LARGEST = 2**63
#: Orders by what is no whole number. Its bits are one, and give it back to the last of them.
_BROKEN = frozenset({"ttft"})
_FLOAT, _BITS = Struct("<d"), Struct("<q")
#: Orders by what is no number. Very many rows say the same, so that among these the time they began at decides.
OF_TEXT: Final = frozenset(
    {"name", "input", "output", "model", "env", "prompt", "tags", "user", "session", "labels", "status"}
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row beside which a page begins, by what it is sorted by and its number."""

    sort: str
    value: int | None
    """``None`` where the row does not say what it is sorted by. In an order of texts when the row began."""
    row: int
    backwards: bool = False
    """Whether the page asked for lies before that row, not after it."""
    words: str | None = None
    """What the row says in an order of texts, ``None`` where it does not; in every order of sessions its id."""

    @classmethod
    def at(cls, sort: str, value: float | str | None, row: int, start_ns: int, *, backwards: bool) -> Cursor:
        """Return the cursor beside a row of a list sorted by *sort*, which says *value* and began at *start_ns*."""
        if value is None and not is_of_text(sort):
            return cls(sort, None, row, backwards)
        if value is None or isinstance(value, str):
            return cls(sort, start_ns, row, backwards, value)
        whole = _BITS.unpack(_FLOAT.pack(value))[0] if sort.removeprefix("-") in _BROKEN else int(value)
        return cls(sort, whole, row, backwards)

    @property
    def said(self) -> float | None:
        """What the row says, as its column has it."""
        if self.value is None or self.sort.removeprefix("-") not in _BROKEN:
            return self.value
        number: float = _FLOAT.unpack(_BITS.pack(self.value))[0]
        return number

    def text(self) -> str:
        """Return the cursor as text that is safe in a URL."""
        words = [self.words] if self.words is not None or is_of_text(self.sort) else []
        raw = orjson.dumps([self.sort, self.value, self.row, int(self.backwards), *words])
        return urlsafe_b64encode(raw).decode().rstrip("=")


def is_of_text(sort: str) -> bool:
    """Return whether *sort* is an order by texts."""
    return sort.removeprefix("-") in OF_TEXT


def not_ours() -> SpanwiseError:
    """Return the refusal of a cursor that no list gave out."""
    return SpanwiseError(
        "That cursor is not one that this list gave out.", "Leave the cursor out to begin at the first page."
    )


def read_cursor(text: str, sort: str, *, named: bool = False) -> Cursor:
    """Return the cursor that *text* is, which must be of a page sorted by *sort*.

    Where rows are *named*, their words are what tells them apart, in orders of numbers too.
    """
    refusal = not_ours()
    try:
        said = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        of, value, row, backwards, *words = said
    except (ValueError, TypeError):
        raise refusal from None
    numbers = (row, backwards) if value is None else (value, row, backwards)
    if of != sort or not all(type(number) is int and -_LARGEST <= number < _LARGEST for number in numbers):
        raise refusal
    with_words, least = named or is_of_text(sort), str if named else str | None
    if len(words) != with_words or (is_of_text(sort) and value is None) or not all(isinstance(w, least) for w in words):
        raise refusal
    return Cursor(sort, value, row, bool(backwards), *words)
