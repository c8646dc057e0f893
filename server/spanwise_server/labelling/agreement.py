"""How far people agree beyond chance: percent, Cohen's and Fleiss' kappa, Krippendorff's alpha. Pure, own code.

A table of ratings is a list of units; each unit maps a rater to a value. What cannot be computed says why.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Literal

Value = str | float
Unit = Mapping[str, Value]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
#: The ratings of one unit: place of the value, and how many gave it.
Pattern = frozenset[tuple[int, int]]
Difference = Callable[[int, int], float]

#: Draws of units for an interval; the seed is fixed, so that the same labels give the same interval.
DRAWS: Final = 1_000
SEED: Final = 20_240_412


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure: its value, or why it has none."""

    value: float | None
    why: str = ""
    low: float | None = None
    high: float | None = None
    """The 95 % interval, where one was drawn."""
    units: int = 0
    """Items that at least two people labelled."""


def percent(units: Sequence[Unit]) -> Figure:
    """Return the part of all pairs of ratings of one unit that are the same."""
    pairs = [(a, b) for unit in units for a, b in combinations(unit.values(), 2)]
    together = sum(len(unit) > 1 for unit in units)
    if not pairs:
        return Figure(None, "undefined: no item has two labels")
    return Figure(sum(a == b for a, b in pairs) / len(pairs), units=together)


def cohen(units: Sequence[Unit], one: str, other: str) -> Figure:
    """Return Cohen's kappa of two raters over the units that both rated."""
    both = [(unit[one], unit[other]) for unit in units if one in unit and other in unit]
    if not both:
        return Figure(None, f"undefined: {one} and {other} labelled no item both")
    n = len(both)
    seen = sum(a == b for a, b in both) / n
    firsts, seconds = Counter(a for a, _ in both), Counter(b for _, b in both)
    chance = sum(firsts[value] * seconds[value] for value in firsts) / n**2
    if chance == 1:
        return Figure(None, "undefined: only one label used", units=n)
    return Figure((seen - chance) / (1 - chance), units=n)


def fleiss(units: Sequence[Unit]) -> Figure:
    """Return Fleiss' kappa; it wants the same number of ratings, two or more, for every unit."""
    rated = [unit for unit in units if len(unit) > 1]
    counts = {len(unit) for unit in rated}
    if not rated:
        return Figure(None, "undefined: no item has two labels")
    if len(counts) > 1:
        return Figure(None, "undefined: items have different numbers of labels; see alpha", units=len(rated))
    return fleiss_of_table([Counter(unit.values()) for unit in rated])


def fleiss_of_table(table: Sequence[Mapping[Any, int]]) -> Figure:
    """Return Fleiss' kappa of units as counts by category."""
    size = sum(table[0].values())
    totals: Counter[Any] = Counter()
    for row in table:
        totals.update(row)
    every = len(table) * size
    seen = sum(sum(n * (n - 1) for n in row.values()) for row in table) / (len(table) * size * (size - 1))
    chance = sum((n / every) ** 2 for n in totals.values())
    if chance == 1:
        return Figure(None, "undefined: only one label used", units=len(table))
    return Figure((seen - chance) / (1 - chance), units=len(table))


def alpha(units: Sequence[Unit], level: Level = "nominal", *, draws: int = 0) -> Figure:
    """Return Krippendorff's alpha, with an interval by resampling units where *draws* says so."""
    pairable = [list(unit.values()) for unit in units if len(unit) > 1]
    if not pairable:
        return Figure(None, "undefined: no item has two labels")
    values = sorted({value for unit in pairable for value in unit}, key=lambda value: (isinstance(value, str), value))
    place = {value: at for at, value in enumerate(values)}
    rows = [Counter(place[value] for value in unit) for unit in pairable]
    found = _alpha(Counter(frozenset(row.items()) for row in rows), values, level)
    if found is None:
        return Figure(None, "undefined: only one label used", units=len(rows))
    low, high = _interval(rows, values, level, draws) if draws else (None, None)
    return Figure(found, low=low, high=high, units=len(rows))


def _alpha(patterns: Mapping[Pattern, int], values: Sequence[Value], level: Level) -> float | None:
    """Return alpha of units that are counted by pattern: there are few patterns, however many units."""
    totals: Counter[int] = Counter()
    for pattern, times in patterns.items():
        for at, n in pattern:
            totals[at] += n * times
    differ = _difference(level, values, totals)
    seen = sum(
        times * _apart(dict(pattern), differ) / (sum(n for _, n in pattern) - 1) for pattern, times in patterns.items()
    )
    chance = _apart(totals, differ) / (sum(totals.values()) - 1)
    return None if chance == 0 else 1 - seen / chance


def _apart(counts: Mapping[int, int], differ: Difference) -> float:
    """Return the sum of differences over ordered pairs of ratings."""
    return 2 * sum(a * b * differ(one, other) for (one, a), (other, b) in combinations(sorted(counts.items()), 2))


def _difference(level: Level, values: Sequence[Value], totals: Mapping[int, int]) -> Difference:
    if level == "nominal":
        return lambda one, other: float(one != other)
    if level == "ordinal":
        return lambda one, other: (
            (sum(totals.get(at, 0) for at in range(one, other + 1)) - (totals.get(one, 0) + totals.get(other, 0)) / 2)
            ** 2
        )
    numbers = [float(value) for value in values]
    if level == "interval":
        return lambda one, other: (numbers[one] - numbers[other]) ** 2
    return lambda one, other: ((numbers[one] - numbers[other]) / ((numbers[one] + numbers[other]) or 1.0)) ** 2


def _interval(
    rows: Sequence[Counter[int]], values: Sequence[Value], level: Level, draws: int
) -> tuple[float | None, float | None]:
    """Return the middle 95 % of alpha over samples of the units, drawn with a fixed seed.

    A draw in which only one label is used has no alpha and counts as full agreement, which it is.
    """
    patterns = [frozenset(row.items()) for row in rows]
    chance = random.Random(SEED)  # noqa: S311 - a reproducible draw, no secret
    found = sorted(
        1.0 if (value := _alpha(Counter(chance.choices(patterns, k=len(rows))), values, level)) is None else value
        for _ in range(draws)
    )
    return found[int(0.025 * (draws - 1))], found[-1 - int(0.025 * (draws - 1))]
