"""The reads of one request in one session: opening one for each takes as long as what is asked in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from sqlmodel import Session

from .sessions import Sessions, T, Work


@contextmanager
def one_reading(sessions: Sessions) -> Iterator[OneReading]:
    """Give a store as one thread sees it until the end."""
    with ExitStack() as opened:
        yield OneReading(sessions, opened)


class OneReading:
    """A store whose reads share one session until something is written.

    Nobody may ask the store itself for a session meanwhile: where many do, each waits for what another holds.
    """

    def __init__(self, sessions: Sessions, opened: ExitStack) -> None:
        self._sessions = sessions
        self._opened = opened
        self._session: Session | None = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give the session that reads, which stays open."""
        if self._session is None:
            self._session = self._opened.enter_context(self._sessions.session())
        yield self._session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session that writes, alone; what is read after it is read in a new session."""
        self._session = None
        self._opened.close()
        with self._sessions.transaction() as session:
            yield session

    def remembered(self, asked: Hashable, ask: Callable[[], T]) -> T:
        """Return what *ask* reads in small tables, remembered while none is written."""
        return self._sessions.remembered(asked, ask)

    def alone_in(self, work: Work) -> AbstractContextManager[bool]:
        """Have no other server process do *work* meanwhile; gives whether none does already."""
        return self._sessions.alone_in(work)
