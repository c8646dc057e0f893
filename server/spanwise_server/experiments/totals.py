"""What the results of a run come to together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .experiment import Result


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts and sums over results; a sum is ``None`` where nobody said any part of it."""

    done: int
    passed: int
    judged: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_nusd: int | None
    unpriced: int
    flips: float
    flipped: int
    """How many results have a flip rate."""


def totals(results: Sequence[Result]) -> Totals:
    """Return what *results* come to."""
    flips = [one.flip_rate for one in results if one.flip_rate is not None]
    return Totals(
        done=len(results),
        passed=sum(one.passed is True for one in results),
        judged=sum(one.passed is not None for one in results),
        errors=sum(bool(one.error) for one in results),
        input_tokens=_sum([one.input_tokens for one in results]),
        output_tokens=_sum([one.output_tokens for one in results]),
        cost_nusd=_sum([one.cost_nusd for one in results]),
        unpriced=sum(one.cost_nusd is None for one in results),
        flips=sum(flips),
        flipped=len(flips),
    )


def _sum(parts: Sequence[int | None]) -> int | None:
    said = [part for part in parts if part is not None]
    return sum(said) if said else None
