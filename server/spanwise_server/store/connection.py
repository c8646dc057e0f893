"""What the SQL of the large tables runs on: one database's connection, behind the little that SQLite and others share.

The SQL is written so that both SQLite and PostgreSQL understand it, with ``?`` for values. What remains is SQLite's
way to say something that PostgreSQL says otherwise (``postgres_connection.py`` lists it), and the text index, which
each engine has a way of its own to ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ..query.filters import Term, Text
from .conditions import Sql

#: Said in SQL where spans are to be walked from the newest on, whatever the database believes to be quicker.
WALKED: Final = "/* walked */ "


class Rows(Protocol):
    """What a statement found."""

    @property
    def description(self) -> Any:
        """The columns, each a sequence that begins with its name."""

    def fetchone(self) -> Any:
        """Return the next row, ``None`` where there is none."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Return what yields all rows that are left."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a query looks: a project, and the time in which its traces or spans begin."""

    project_id: int
    from_ns: int
    to_ns: int
    of_all: bool = False
    """Whether everything is asked for, not only a page."""
    limited: bool = False
    """Whether few spans may be proved, and the words of all others believed."""
    of_spans: bool = False
    """Whether spans are asked for; the time is theirs then, not their traces'."""
    runs: Sequence[tuple[int, int]] = ()
    """Where only traces among some are asked for, the first and the last row of each group of them."""


class TextIndex(Protocol):
    """How an engine finds words of texts, and attributes; *part* is a phrase or a term of attributes."""

    def few_traces(self, connection: Connection, asked: Asked, part: Text | Term) -> tuple[int, Sql] | None:
        """Return how many traces *part* leaves and a query for their rows, named ``row``; ``None`` where many."""

    def of_trace(self, connection: Connection, asked: Asked, part: Text | Term) -> Sql:
        """Return that some span of the trace ``t`` is what *part* asks for."""

    def of_span(self, connection: Connection, asked: Asked, part: Text | Term) -> Sql:
        """Return that the span ``s`` is what *part* asks for."""


class TraceWords(Protocol):
    """How an engine finds traces by the words of their fields (``words.py``)."""

    @property
    def are_combined(self) -> bool:
        """Whether the database finds the quickest way by itself through traces that have several words."""

    def few_traces(
        self, connection: Connection, ids: Sequence[int], from_ns: int, to_ns: int, most: int
    ) -> tuple[int, Sql] | None:
        """Return how many traces of a time have any of the words, and a query for their rows; ``None`` where many."""

    def of_trace(self, ids: Sequence[int]) -> Sql:
        """Return that the trace ``t`` has any of the words, of which there are some."""

    def rows_with(self, word: str) -> str:
        """Return a query for the rows of traces, named ``row``, with the one word that an expression of SQL gives."""

    def from_sessions(self, words: Sequence[int]) -> Sql:
        """Return where the traces ``t`` are whose session is one of *words*; ends in a condition."""

    def counted(self, connection: Connection, chosen: Sql) -> Counter[int]:
        """Return in how many traces each word is, of a query for the words of traces."""

    def change(
        self, connection: Connection, row: int, start_ns: int, put: Iterable[int], dropped: Iterable[int]
    ) -> None:
        """Let a trace have the words *put*, and no longer those *dropped*."""

    def kept(self, ids: Collection[int]) -> object:
        """Return ids of words as the trace's own row keeps them."""


class Connection(Protocol):
    """A connection in a transaction."""

    @property
    def index(self) -> TextIndex:
        """How texts are searched here."""

    @property
    def words(self) -> TraceWords:
        """How traces are found by their words here."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Rows:
        """Run a statement with a value for each ``?``."""

    def chunks_of(self, addresses: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return, of each span, the address of the first one that it is packed with, and the body that both are in."""

    def newest_from(self, project_id: int, to_ns: int) -> int | None:
        """Return from when on the newest spans before *to_ns* are looked for first, where not among all at once."""

    def first_span(self, project_id: int, from_ns: int) -> int | None:
        """Return an address before which no span lies that begins at *from_ns* or later, where it helps to know one."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run a statement once for each row of values."""

    def put_numbers(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[int]], unless: str) -> None:
        """Put rows of numbers in; *unless* says what becomes of those in conflict."""

    def alone(self) -> None:
        """Have nobody else write spans until the transaction ends."""
