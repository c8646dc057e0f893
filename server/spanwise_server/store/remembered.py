"""What every page asks of the small tables, remembered until any of them changes.

An answer of theirs takes a millisecond or two to be asked for, and a page wants ten of them, which are the same for
days. A row in ``small_changes`` counts the transactions that write them, whichever process it is that does; reading it
takes a hundredth of that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final, TypeVar

from sqlalchemy import text
from sqlmodel import Session

from ..recent import Recent

T = TypeVar("T")

#: Answers that are kept: those of some hundred projects.
_MOST: Final = 1_000
#: A statement by hand is not counted, nor what a server of an older release writes beside this one: after so long every
#: answer is asked for again.
LONGEST_S: Final = 60
COUNTED: Final = "SELECT n FROM small_changes"
_COUNT: Final = text("UPDATE small_changes SET n = n + 1")


def count_change(session: Session) -> None:
    """Have every process ask anew once the transaction of *session* is committed."""
    session.connection().execute(_COUNT)


class Remembered:
    """Answers by what was asked; *counted* tells how many transactions there were."""

    def __init__(self, counted: Callable[[], int]) -> None:
        self._counted = counted
        self._answers: Recent[tuple[object]] = Recent(_MOST)

    def of(self, asked: Hashable, ask: Callable[[], T]) -> T:
        """Return what *ask* returns, which nobody may change; it is called only where something changed since."""
        minute = int(time.monotonic()) // LONGEST_S
        revision = f"{self._counted()} {minute}"  # before asking: the answer may be newer than it, never older
        found = self._answers.of(asked, revision)
        if found is None:
            found = (ask(),)
            self._answers.keep(asked, revision, found, 1)
        answer: T = found[0]  # type: ignore[assignment]  # kept under what was asked, by whoever asks the same
        return answer
