"""Where the sets of traces are read from: what an engine tells of its traces, and of which have changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pyroaring import BitMap64 as BitMap

from .connection import Connection
from .row_numbers import Column

#: What tells the session of the trace ``t``, by the number of its word.
SESSION: Final = (
    "(SELECT w.id FROM words w WHERE w.project_id = t.project_id AND w.field = 'session' AND w.value = t.session_id)"
)
#: So many changes are followed; after more of them all is loaded anew.
MOST_FOLLOWED: Final = 20_000
#: Stands in the log for changes of which no list is kept: a recount gives words new numbers.
EVERY_TRACE: Final = 0

Moment = int | str
"""A state of the database: the same one has the same traces."""
Numbers = tuple[int, int, int, int, int | None, int | None]
"""A trace's row, start, status, duration, cost and tokens."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of the traces since some moment."""

    moment: Moment
    rows: BitMap | None
    """The traces that were made, changed or taken away; ``None`` where that is not known, or too much."""


@dataclass(frozen=True, slots=True)
class OneTrace:
    """What the sets need of one trace."""

    project_id: int
    numbers: Numbers
    words: tuple[int, ...]
    unpriced: int
    session: int | None
    """The number of the word of the session that it is a turn of."""


class SetSource(Protocol):
    """The traces of a store."""

    def column(self) -> Column:
        """Return a column for numbers of traces."""

    def moment(self, connection: Connection) -> Moment:
        """Return the moment that *connection* sees."""

    def changes(self, connection: Connection, since: Moment) -> Changes | None:
        """Return what has changed, as *connection* sees it; ``None`` where it sees nothing newer."""

    def in_order(self, connection: Connection, project_id: int) -> Iterator[Sequence[Numbers]]:
        """Yield the traces of a project in the order of time, some at once."""

    def traces(self, connection: Connection, rows: Sequence[int]) -> list[OneTrace]:
        """Return those traces that there are."""

    def words_of(self, connection: Connection, rows: Sequence[int]) -> list[tuple[int, tuple[int, ...]]]:
        """Return the words of those traces that there are, each with its row."""

    def with_words(self, connection: Connection, words: Sequence[int]) -> Iterator[tuple[int, BitMap]]:
        """Yield words with the rows of traces that have them, a word maybe several times, each time with others."""

    def sessions(self, connection: Connection) -> Iterator[tuple[Sequence[int], Iterable[int | None]]]:
        """Yield rows of traces with the numbers of the words of the sessions that they are turns of."""

    def unpriced(self, connection: Connection, session: int, name: str) -> dict[int, int]:
        """Return how many calls without a price the turns of a session have, by their rows, where they have any."""
