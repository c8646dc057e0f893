"""The time range of a form, in nanoseconds and in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

from ..errors import SpanwiseError
from ..record import NANO

_UNITS: Final = {"m": (60, "minute"), "h": (3600, "hour"), "d": (86_400, "day")}
_RANGE: Final = re.compile(r"(\d{1,4})([mhd])")


@dataclass(frozen=True, slots=True)
class Window:
    """From when, to when; ``None`` leaves the side open."""

    from_ns: int | None = None
    to_ns: int | None = None
    words: str = ""


def window_of(range_text: str, from_text: str, to_text: str, now_ns: int) -> Window:
    """Return the window of ``range`` (15m, 24h, 7d), or of two RFC 3339 times; nothing said is all of time."""
    if from_text or to_text:
        since, until = _moment(from_text), _moment(to_text)
        said = [f"from {from_text}" if from_text else "", f"to {to_text}" if to_text else ""]
        return Window(since, until, " ".join(filter(None, said)))
    if range_text in {"", "all"}:
        return Window()
    found = _RANGE.fullmatch(range_text)
    if found is None:
        raise SpanwiseError(
            f"range is {range_text!r}, not a time range.", "Write it as 15m, 24h or 7d, or leave it out."
        )
    seconds, unit = _UNITS[found[2]]
    number = int(found[1])
    words = f"last {number} {unit}s" if number > 1 else f"last {unit}"
    return Window(now_ns - number * seconds * NANO, None, words)


def _moment(text: str) -> int | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "+").replace("Z", "+00:00"))
    except ValueError:
        raise SpanwiseError(f"{text!r} is not a time.", "Write it as 2026-11-23T10:00:00Z.") from None
    at = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at
    return int(at.timestamp()) * NANO + at.microsecond * 1_000
