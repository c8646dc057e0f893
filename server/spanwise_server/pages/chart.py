"""The histogram above the list, drawn on the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from typing import Final

from ..store.base import Bar
from .format import Clock, plural
from .listing import DAY_NS, MINUTE_NS
from .plots import Change
from .urls import stamp

WIDTH: Final = 1160.0
HEIGHT: Final = 56.0
_GAP: Final = 1.5
_LEAST: Final = 1.5
_TICKS: Final = 9


@dataclass(frozen=True, slots=True)
class Column:
    """One bar: grey for what went well, red for what failed, and what to say of it."""

    x: float
    width: float
    ok_y: float
    ok_height: float
    error_y: float
    error_height: float
    title: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Traces over time."""

    columns: tuple[Column, ...]
    ticks: tuple[str, ...]
    summary: str
    changes: tuple[Change, ...] = ()
    """Moments at which prompts changed."""

    @property
    def ok_path(self) -> str:
        """All that went well as one path: a browser lays out a hundred shapes far more slowly than one."""
        return "".join(_bar(c.x, c.ok_y, c.width, c.ok_height) for c in self.columns if c.ok_height)

    @property
    def error_path(self) -> str:
        """All that failed, as one path."""
        return "".join(_bar(c.x, c.error_y, c.width, c.error_height) for c in self.columns if c.error_height)


def _bar(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:g} {y:g}h{width:g}v{height:g}h-{width:g}z"


def histogram(bars: Sequence[Bar], clock: Clock) -> Histogram | None:
    """Return the drawing, or ``None`` where there is no time to draw."""
    if not bars:
        return None
    most = max((bar.ok + bar.errors for bar in bars), default=0) or 1
    step = WIDTH / len(bars)
    columns = tuple(_column(bar, n * step, step, most, clock) for n, bar in enumerate(bars))
    total, errors = sum(b.ok + b.errors for b in bars), sum(b.errors for b in bars)
    peak = max(bars, key=lambda bar: bar.ok + bar.errors)
    counts = f"{plural(total, 'trace')}, {errors:,} with errors"
    most_at = _when(peak.from_ns, peak.to_ns, clock.tz)
    summary = f"{counts}, {_span(bars[0], bars[-1], clock)}; most {most_at}."
    return Histogram(columns, _ticks(bars, clock), summary)


def _column(bar: Bar, x: float, step: float, most: int, clock: Clock) -> Column:
    errors = 0.0 if not bar.errors else max(bar.errors / most * (HEIGHT - 6), _LEAST)
    oks = 0.0 if not bar.ok else max(bar.ok / most * (HEIGHT - 6), _LEAST)
    words = f"{_when(bar.from_ns, bar.to_ns, clock.tz)}: {plural(bar.ok + bar.errors, 'trace')}"
    return Column(
        x=round(x + _GAP / 2, 1),
        width=round(max(step - _GAP, 0.5), 1),
        ok_y=round(HEIGHT - errors - oks, 1),
        ok_height=round(oks, 1),
        error_y=round(HEIGHT - errors, 1),
        error_height=round(errors, 1),
        title=f"{words}, {plural(bar.errors, 'error')}" if bar.errors else words,
        start=stamp(bar.from_ns),
        end=stamp(bar.to_ns),
    )


@lru_cache(2_000)
def _when(from_ns: int, to_ns: int, zone: tzinfo) -> str:
    """Return when a bar is of; bars begin at round times, so that most were said before."""
    clock = Clock(0, zone)
    start, end = clock.at(from_ns), clock.at(to_ns)
    if to_ns - from_ns >= DAY_NS:
        return f"{start.day} {start:%b}"
    return f"{start.day} {start:%b %H:%M} to {end:%H:%M}"


def _span(first: Bar, last: Bar, clock: Clock) -> str:
    return f"{clock.local(first.from_ns)} to {clock.local(last.to_ns)}"


def _ticks(bars: Sequence[Bar], clock: Clock) -> tuple[str, ...]:
    start, end = bars[0].from_ns, bars[-1].to_ns
    wide = end - start
    days = wide > 2 * DAY_NS
    form = "%H:%M" if wide > 10 * MINUTE_NS else "%H:%M:%S"
    moments = [clock.at(start + wide * n // (_TICKS - 1)) for n in range(_TICKS)]
    words = [f"{moment.day} {moment:%b}" if days else f"{moment:{form}}" for moment in moments]
    if bars[-1].from_ns <= clock.now_ns <= end + DAY_NS and end >= clock.now_ns:
        words[-1] = "now"
    return tuple("" if n and word == words[n - 1] else word for n, word in enumerate(words))
