"""The time axis of a drawing: round marks, and how much of the width is drawn on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .format import duration

#: Part of the drawing's width that the trace fills; the rest is room for the last label.
FILLED: Final = 0.915
_STEPS: Final = (1, 2, 4, 5, 10)
_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark of the time axis."""

    x: float
    words: str


def ticks(total_ms: float) -> tuple[Tick, ...]:
    """Return round marks of a time axis that ends at *total_ms*: at most five."""
    if total_ms <= 0:
        return (Tick(0.0, "0 s"),)
    unit = 10.0 ** _floor_power(total_ms / _TICKS)
    step = next(unit * factor for factor in (*_STEPS, 20) if total_ms / (unit * factor) < _TICKS)
    count = int(total_ms / step) + 1
    return tuple(Tick(round(n * step / total_ms * FILLED * 100, 2), _tick_words(n * step)) for n in range(count))


def _floor_power(value: float) -> int:
    power = 0
    while value >= 10:
        value, power = value / 10, power + 1
    while 0 < value < 1:
        value, power = value * 10, power - 1
    return power


def _tick_words(ms: float) -> str:
    if ms == 0:
        return "0 s"
    if ms < 1_000:
        return f"{ms:g} ms"
    return f"{ms / 1_000:g} s" if ms < 60_000 else duration(ms)
