"""Moments as people and programs write them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from ..errors import SpanwiseError

#: The year 2200: later times are as good as none, and leave room for what is added to them in 64 bits.
LAST_NS: Final = 7_258_118_400 * 1_000_000_000


def moment(text: str | None, name: str) -> int | None:
    """Return the nanoseconds since 1970 of an RFC 3339 time or date; one without a zone is UTC.

    *name* is what the refusal of anything else calls it.
    """
    if not text:
        return None
    try:
        # A "+" that was not escaped in a URL arrives as a space; Python 3.10 reads no "Z".
        at = datetime.fromisoformat(text.strip().replace(" ", "+").replace("Z", "+00:00"))
    except ValueError:
        raise SpanwiseError(
            f"{name} is {text!r}, not a time.", "Write it as 2026-11-23T10:00:00Z, with + escaped as %2B in a URL."
        ) from None
    at = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at
    return nanoseconds(at)


def nanoseconds(at: datetime) -> int:
    """Return a time with a zone as nanoseconds since 1970; one before that is its beginning, one far off the last."""
    return min(max(int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000, 0), LAST_NS)
