"""How many examples hypothesis makes of a rule: a few with each change, others each time; far more by hand.

``SPANWISE_FUZZ=10`` makes ten times as many.
"""

from __future__ import annotations

import os
from typing import Final

TIMES: Final = float(os.environ.get("SPANWISE_FUZZ", "1"))


def tries(usual: int) -> int:
    """Return how many examples to make where *usual* are enough with each change."""
    return max(1, round(usual * TIMES))
