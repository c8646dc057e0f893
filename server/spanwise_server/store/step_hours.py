"""In which hours a trace has spans of which steps, so that traces can be counted over any hours without counting twice.

Of a trace with spans of a step in several hours each hour knows the hour before it in which the trace has some. Who
counts the traces of a range counts of each hour those whose hour before is not in the range.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from .rollups import HOUR_NS
from .rows import SpanRow

#: Stands for the hour before the first.
NEVER: Final = -1
#: Spans with a longer name, and those without one, are counted as no step. Neither are those with a NUL in it, which
#: PostgreSQL does not keep, or with the sign that stands there for it.
LONGEST_NAME: Final = 200

Step = tuple[int, str, str]
"""A project, a name and a kind; traces are counted by spans of any kind too, which is the kind ``""``."""
Turned = tuple[str, str, int, int, int]
"""A name, a kind, an hour, the hour before it, and how many traces more there are of these, 1 or -1."""


def is_step(name: str) -> bool:
    """Return whether spans of this name are counted as a step."""
    return 0 < len(name) <= LONGEST_NAME and "\x00" not in name and "\ufffd" not in name


class StepHours:
    """The hours of one trace."""

    __slots__ = ("_hours", "_were")

    def __init__(self) -> None:
        self._hours: dict[tuple[str, str], dict[int, int]] = {}
        """How many spans of a name and a kind there are in each hour."""
        self._were: dict[tuple[str, str], list[int]] = {}
        """Which hours these had when it was last asked what turned, where that is not so any more."""

    def put(self, row: SpanRow) -> None:
        """Take in a span."""
        self._change(row, 1)

    def drop(self, row: SpanRow) -> None:
        """Take out a span."""
        self._change(row, -1)

    def change(self, was: SpanRow | None, now: SpanRow) -> None:
        """Have a span be *now* what it *was* before, ``None`` where it is new."""
        if was is not None:
            if was.start_ns == now.start_ns and was.name == now.name and was.kind == now.kind:
                return
            self.drop(was)
        self.put(now)

    def _change(self, row: SpanRow, by: int) -> None:
        if not is_step(row.name):
            return
        hour = row.start_ns // HOUR_NS
        for kind in ("", row.kind):
            key = row.name, kind
            hours = self._hours.get(key)
            if hours is None:
                hours = self._hours[key] = {}
            n = hours.get(hour, 0) + by
            if n in (0, by) and key not in self._were:
                self._were[key] = sorted(hours)
            if n:
                hours[hour] = n
            else:
                del hours[hour]

    def settle(self) -> None:
        """Take it that all this is in the rollups."""
        self._were = {}

    def turned(self) -> list[Turned]:
        """Return what turned since it was settled, or asked for, the last time."""
        found: list[Turned] = []
        for (name, kind), were in self._were.items():
            now = sorted(self._hours[name, kind])
            if were == now:
                continue
            gone, come = set(_pairs(were)), set(_pairs(now))
            found += [(name, kind, hour, previous, -1) for previous, hour in gone - come]
            found += [(name, kind, hour, previous, 1) for previous, hour in come - gone]
        self._were = {}
        return found


def turned_by(were: Iterable[SpanRow], now: Iterable[SpanRow]) -> list[Turned]:
    """Return what turns where the spans of a trace *were* these, and are others *now*."""
    before, after = StepHours(), StepHours()
    for row in were:
        before.put(row)
    for row in now:
        after.put(row)
    gone = [(name, kind, hour, previous, -1) for name, kind, hour, previous, _ in before.turned()]
    return gone + after.turned()


def turned_in_an_hour(were: Sequence[SpanRow], now: Sequence[SpanRow]) -> list[Turned] | None:
    """Return the same sooner where all spans are of one hour, as they nearly always are, else ``None``."""
    hour = now[0].start_ns // HOUR_NS
    begin, end = hour * HOUR_NS, (hour + 1) * HOUR_NS
    before: set[tuple[str, str]] = set()
    after: set[tuple[str, str]] = set()
    for rows, steps in ((were, before), (now, after)):
        for row in rows:
            if not begin <= row.start_ns < end:
                return None
            steps.add((row.name, row.kind))
    if before == after:
        return []
    found: list[Turned] = []
    for steps, others, n in ((before, after, -1), (after, before, 1)):
        found += [(name, kind, hour, NEVER, n) for name, kind in steps - others if is_step(name)]
        names = {name for name, _ in steps} - {name for name, _ in others}
        found += [(name, "", hour, NEVER, n) for name in names if is_step(name)]
    return found


def _pairs(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Return each hour behind the one before it."""
    return list(zip(chain((NEVER,), hours), hours, strict=False))
