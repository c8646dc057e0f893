"""Which part of the matrix is tested: all of it takes too long for every change, so that groups take turns."""

from __future__ import annotations

from typing import Final

from .case import Case
from .cases import CASES

GROUPS: Final = tuple(dict.fromkeys(case.group for case in CASES))


def cases_of(turn: int | None) -> tuple[Case, ...]:
    """Return the cases of the group whose *turn* it is, counted on and on; all without one."""
    return CASES if turn is None else tuple(case for case in CASES if case.group == GROUPS[turn % len(GROUPS)])
