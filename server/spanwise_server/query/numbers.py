"""Whole numbers as people and programs write them into addresses and forms."""

from __future__ import annotations

from typing import Final

#: A number of so many digits has room in 64 bits; no row and no count has a longer one.
_MOST_DIGITS: Final = 18


def whole(text: str | None) -> int | None:
    """Return the number that *text* is, ``None`` where it is none, or one that nothing can have."""
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        return None
    return int(text)
