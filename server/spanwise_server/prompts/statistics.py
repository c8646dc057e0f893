"""How sure a share is, and whether two versions differ on the same rows by more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from typing import Final

#: Of a 95 % interval.
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of some judged calls passed."""

    passed: int = 0
    of: int = 0

    @property
    def share(self) -> float | None:
        """The share that passed, ``None`` where none was judged."""
        return self.passed / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The share's 95 % interval by Wilson, which holds for few and for extreme ones."""
        if not self.of:
            return None
        n, p = self.of, self.passed / self.of
        spread = _Z * sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
        middle, scale = p + _Z * _Z / (2 * n), 1 + _Z * _Z / n
        return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def mcnemar(newly_failing: int, newly_passing: int) -> float:
    """Return the two-sided p-value of McNemar's exact test: rows that changed would go either way by a fair coin."""
    changed = newly_failing + newly_passing
    if changed == 0:
        return 1.0
    fewer = min(newly_failing, newly_passing)
    below: int = sum(comb(changed, k) for k in range(fewer + 1))
    return min(1.0, float(2 * below / (1 << changed)))
