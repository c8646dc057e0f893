"""Rates that labels of a sample give for all that it was drawn from, with an interval, or the reason why none. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Of the normal distribution, for intervals of 95 %.
Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Weighed:
    """One labelled item: the share of its labels that give each answer, and how probable it was to be chosen."""

    shares: Mapping[str, float]
    p_incl: float | None


@dataclass(frozen=True, slots=True)
class Rate:
    """How common an answer is among all that the sample was drawn from."""

    answer: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of all answers, or why there are none."""

    rates: tuple[Rate, ...]
    used: int
    """Items that were chosen by chance."""
    left_out: int
    """Items that were picked for what they are, and so say nothing of the rest."""
    refused: str = ""


def rates(items: Sequence[Weighed]) -> Rates:
    """Return each answer's rate: every item counts for as many as it stands for (Hajek), the interval is Wilson's.

    Unequal weights say less than equal ones: the interval is that of Kish's effective number of items.
    """
    used = [item for item in items if item.p_incl is not None and item.p_incl > 0 and item.shares]
    left_out = sum(item.p_incl is None for item in items)
    if not used:
        return Rates((), 0, left_out, _refusal(len(items), left_out))
    weights = [1 / item.p_incl for item in used if item.p_incl is not None]
    total = sum(weights)
    effective = total**2 / sum(weight**2 for weight in weights)
    answers = sorted({answer for item in used for answer in item.shares})
    found = []
    for answer in answers:
        hits = sum(weight * item.shares.get(answer, 0.0) for weight, item in zip(weights, used, strict=True))
        share = hits / total
        low, high = wilson(share, effective)
        found.append(Rate(answer, share, low, high))
    return Rates(tuple(sorted(found, key=lambda rate: (-rate.share, rate.answer))), len(used), left_out)


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of *n*, after Wilson."""
    if n <= 0:
        return 0.0, 1.0
    middle = share + Z**2 / (2 * n)
    spread = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _refusal(items: int, left_out: int) -> str:
    if not items:
        return "Nothing is labelled yet."
    if left_out:
        return (
            "No rate: these items were picked for what they are, not by chance, so they say what goes wrong, "
            "not how often. Label a random or a stratified sample for that."
        )
    return "No rate: no labelled item has an answer that can be counted."
