"""Where a page ends, as a text that a caller hands back: opaque, and refused politely when it was not ours."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from struct import Struct

import orjson

from ..errors import SpanwiseError

_LARGEST = 2**63
#: Orders by what is no whole number. Its bits are one, and give it back to the last of them.
_BROKEN = frozenset({"ttft"})
_FLOAT, _BITS = Struct("<d"), Struct("<q")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row beside which a page begins, by what it is sorted by and its number."""

    sort: str
    value: int | None
    """``None`` where the row does not say what it is sorted by."""
    row: int
    backwards: bool = False
    """Whether the page asked for lies before that row, not after it."""

    @classmethod
    def at(cls, sort: str, value: float | None, row: int, *, backwards: bool) -> Cursor:
        """Return the cursor beside a row of a list sorted by *sort*, which says *value*."""
        if value is None:
            return cls(sort, None, row, backwards)
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
        raw = orjson.dumps([self.sort, self.value, self.row, int(self.backwards)])
        return urlsafe_b64encode(raw).decode().rstrip("=")


def read_cursor(text: str, sort: str) -> Cursor:
    """Return the cursor that *text* is, which must be of a page sorted by *sort*."""
    refusal = SpanwiseError(
        "That cursor is not one that this list gave out.", "Leave the cursor out to begin at the first page."
    )
    try:
        said = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        of, value, row, backwards = said
    except (ValueError, TypeError):
        raise refusal from None
    numbers = (row, backwards) if value is None else (value, row, backwards)
    if of != sort or not all(type(number) is int and -_LARGEST <= number < _LARGEST for number in numbers):
        raise refusal
    return Cursor(sort, value, row, bool(backwards))
