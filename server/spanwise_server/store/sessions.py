"""What the small tables need of a store: a session to read in, a transaction to write in, and project ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any, Final, Literal, Protocol, TypeVar

from sqlalchemy import CursorResult, Executable, bindparam
from sqlmodel import Session, col, select

from .small_tables import ProjectRow

T = TypeVar("T")

Work = Literal["housekeeping", "queues", "dictionary", "attributes"]
"""What is done in the background, by one process of those that share a store."""
#: Made once: every page asks it several times, and making it takes longer than the answer.
_ID_OF: Final = select(ProjectRow.id).where(col(ProjectRow.name) == bindparam("name"))


class Sessions(Protocol):
    """A store that the small tables live in."""

    def session(self) -> AbstractContextManager[Session]:
        """Return a session that reads."""

    def transaction(self) -> AbstractContextManager[Session]:
        """Return a session that writes, alone, and commits when it ends well."""

    def remembered(self, asked: Hashable, ask: Callable[[], T]) -> T:
        """Return what *ask* reads in small tables, which nobody may change: remembered while none is written."""

    def alone_in(self, work: Work) -> AbstractContextManager[bool]:
        """Have no other server process do *work* meanwhile; gives whether none does already."""


def project_id(session: Session, name: str) -> int | None:
    """Return the number of a project, or ``None`` where there is none of this name."""
    found: int | None = session.exec(_ID_OF, params={"name": name}).first()
    return found


def project_id_made(session: Session, name: str) -> int:
    """Return the number of a project, which is made where there is none of this name."""
    found = project_id(session, name)
    if found is not None:
        return found
    row = ProjectRow(name=name, created_ns=time.time_ns())
    session.add(row)
    session.flush()
    return known(row.id)


def ask(session: Session, made: Executable, **asked: Any) -> CursorResult[Any]:
    """Return the plain rows that a statement finds, which was *made* once: a tenth of the work of objects of a session.

    What was added to the session and not flushed it does not see; what it writes, objects of the session do not.
    """
    return session.connection().execute(made, asked)


def number_of(done: CursorResult[Any]) -> int:
    """Return the number that the database gave to the row that was put in."""
    (number,) = done.inserted_primary_key or (None,)
    return known(number)


def known(row_id: int | None) -> int:
    """Return the number that the database gave a row it holds."""
    assert row_id is not None, "a row that was flushed has a number"  # noqa: S101 - holds by construction
    return row_id
