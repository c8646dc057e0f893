"""How sure a rate is that was seen in a few trials."""

from __future__ import annotations

import math
from statistics import NormalDist


def lower_bound(passed: int, trials: int, confidence: float = 0.95) -> float:
    """Return the one-sided lower bound of Wilson's score interval for a rate; 0 where nothing was tried.

    *confidence* is how often the true rate lies above the bound. Source: E. B. Wilson, "Probable inference, the law of
    succession, and statistical inference", JASA 22 (1927).
    """
    if trials == 0:
        return 0.0
    z = NormalDist().inv_cdf(confidence)
    rate, square = passed / trials, z * z
    middle = rate + square / (2 * trials)
    spread = z * math.sqrt((rate * (1 - rate) + square / (4 * trials)) / trials)
    return max(0.0, (middle - spread) / (1 + square / trials))
