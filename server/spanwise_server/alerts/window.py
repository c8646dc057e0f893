"""The span of time that a rule looks at: so far back from now, or the day or month that it is, in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from ..errors import SpanwiseError

SECOND_NS: Final = 1_000_000_000
_UNITS: Final = {"m": ("minute", 60), "h": ("hour", 3_600), "d": ("day", 86_400)}
_LONGEST_S: Final = 90 * 86_400
_CALENDAR: Final = {"day": "today", "month": "this month"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Window:
    """One window, as its text says: ``15m``, ``24h``, ``7d``, ``day`` or ``month``."""

    text: str
    seconds: int | None
    """How far back, ``None`` for a day or month of the calendar."""

    def bounds(self, now_ns: int) -> tuple[int, int]:
        """Return the first nanosecond, included, and the last, not included, as of *now_ns*."""
        if self.seconds is not None:
            return now_ns - self.seconds * SECOND_NS, now_ns
        return self.period(now_ns)[0], now_ns

    def period(self, now_ns: int) -> tuple[int, int]:
        """Return where the window begins, and where it will have ended: a calendar's in the future."""
        if self.seconds is not None:
            return self.bounds(now_ns)
        start = datetime.fromtimestamp(now_ns // SECOND_NS, timezone.utc)
        start = start.replace(hour=0, minute=0, second=0)
        if self.text == "day":
            return _ns(start), _ns(start + timedelta(days=1))
        start = start.replace(day=1)
        return _ns(start), _ns((start + timedelta(days=32)).replace(day=1))

    @property
    def words(self) -> str:
        """How it is said: ``in 15 minutes``, ``this month``."""
        if self.seconds is None:
            return _CALENDAR[self.text]
        number, (unit, _) = int(self.text[:-1]), _UNITS[self.text[-1]]
        return f"in {number} {unit}{'' if number == 1 else 's'}"

    @property
    def every_ns(self) -> int:
        """How often it is worth looking: a sixtieth of the window, once a minute at most, every 15 minutes at least."""
        seconds = 86_400 if self.seconds is None else self.seconds
        return min(max(seconds // 60, 60), 900) * SECOND_NS


def window_named(text: str) -> Window:
    """Return the window that *text* says; what is none is refused with what there is."""
    said = text.strip().lower()
    if said in _CALENDAR:
        return Window(said, None)
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", said)
    seconds = int(match[1]) * _UNITS[match[2]][1] if match else 0
    if not 60 <= seconds <= _LONGEST_S:
        raise SpanwiseError(
            f"{text[:40]!r} is no window.", "Write 15m, 1h, 24h or 7d, up to 90d, or day or month for the calendar's."
        )
    return Window(said, seconds)


def _ns(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(seconds=1) * SECOND_NS
