"""How long an item takes and how long the rest will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

#: Fewer items than this say nothing of the pace.
ENOUGH: Final = 3
#: Longer than this on one item is a break, not work.
BREAK_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds an item takes, and minutes that what is left will."""

    seconds_an_item: float
    minutes_left: float

    @property
    def words(self) -> tuple[str, str]:
        """Both as the page says them."""
        return f"{_span(self.seconds_an_item)} an item", f"about {_span(self.minutes_left * 60, coarse=True)} left"


def pace(durations_ms: Sequence[int], left: int) -> Pace | None:
    """Return the pace of the latest items, or ``None`` where too few were timed or none is left."""
    timed = [ms for ms in durations_ms if 0 < ms <= BREAK_MS]
    if len(timed) < ENOUGH or left == 0:
        return None
    seconds = median(timed) / 1000
    return Pace(seconds, seconds * left / 60)


def _span(seconds: float, *, coarse: bool = False) -> str:
    if seconds < 60 and not coarse:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
