"""What a child process must not take over: threads that are not there, and work that is its parent's."""

from __future__ import annotations

import os
import weakref
from typing import Any, Final, Protocol


class StartsAfresh(Protocol):
    """What does so in a child process."""

    def after_fork(self) -> None:
        """Start afresh."""


_LIVING: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


def watch_forks(one: StartsAfresh) -> None:
    """Have *one*, as long as there is anybody else to hold it, start afresh in each child process."""
    _LIVING.add(one)


def leave_forks(one: StartsAfresh) -> None:
    """Leave *one*, which is closed, as it is."""
    _LIVING.discard(one)


def _after_fork() -> None:
    for one in list(_LIVING):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
