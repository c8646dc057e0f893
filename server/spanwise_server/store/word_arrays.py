"""Traces found by their words in PostgreSQL: an array in the trace's row, with a GIN index over it.

A row and an index entry for each word of each trace, as SQLite has them, take ten times the room here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from .conditions import NOTHING, Sql
from .connection import Connection

_ANY = "t.words && CAST(? AS integer[])"
#: What is common is seen in the newest traces; only what is not there is looked for in the index.
_IN_NEWEST = (
    "SELECT DISTINCT unnest(words) FROM (SELECT words FROM traces WHERE project_id = ? ORDER BY start_ns DESC "
    "LIMIT 200) AS newest"
)
_DROP_UNUSED = (
    "DELETE FROM words w WHERE w.id = ANY(CAST(? AS integer[])) "
    "AND NOT EXISTS (SELECT 1 FROM traces t WHERE t.words @> ARRAY[w.id])"
)


class WordArrays:
    """The column ``words`` of ``traces``, of whose values PostgreSQL knows how common they are."""

    are_combined = True

    def few_traces(
        self, connection: Connection, ids: Sequence[int], from_ns: int, to_ns: int, most: int
    ) -> tuple[int, Sql] | None:
        """Return how many traces of a time have any of the words, and a query for their rows; ``None`` where many."""
        if not ids:
            return 0, Sql(f"SELECT t.id AS row FROM traces t WHERE {NOTHING.text}")
        found = f"FROM traces t WHERE {_ANY} AND t.start_ns >= ? AND t.start_ns < ?"
        values = (list(ids), from_ns, to_ns)
        few = f"SELECT count(*) FROM (SELECT 1 {found} LIMIT {most + 1}) AS few"
        count = connection.execute(few, values).fetchone()[0]
        return (count, Sql(f"SELECT t.id AS row {found}", values)) if count <= most else None

    def of_trace(self, ids: Sequence[int]) -> Sql:
        """Return that the trace ``t`` has any of the words, of which there are some."""
        return Sql(_ANY, (list(ids),))

    def rows_with(self, word: str) -> str:
        """Return a query for the rows of traces, named ``row``, with the one word that an expression of SQL gives."""
        return f"SELECT x.id AS row FROM traces x WHERE x.words @> ARRAY[{word}]"

    def from_sessions(self, words: Sequence[int]) -> Sql:
        """Return where the traces ``t`` are whose session is one of *words*; ends in a condition."""
        named = "SELECT value FROM words WHERE id = ANY(CAST(? AS integer[]))"
        return Sql(f"FROM traces t WHERE {_ANY} AND t.session_id IN ({named})", (list(words), list(words)))

    def counted(self, connection: Connection, chosen: Sql) -> Counter[int]:
        """Return in how many traces each word is, of a query for the words of traces."""
        found = connection.execute(
            f"SELECT word, count(*) FROM ({chosen.text}) AS x, unnest(x.words) AS word GROUP BY 1",
            chosen.values,
        )
        return Counter(dict(found.fetchall()))

    def change(
        self, connection: Connection, row: int, start_ns: int, put: Iterable[int], dropped: Iterable[int]
    ) -> None:
        """Do nothing: the trace's own row says it."""

    def kept(self, ids: Collection[int]) -> list[int]:
        """Return ids of words as the trace's own row keeps them."""
        return sorted(ids)


def drop_unused(connection: Connection, project_id: int, ids: Collection[int]) -> None:
    """Take away those of some words of a project that no trace has any more, with nobody else writing spans.

    A number is never given to another word.
    """
    common = {word for (word,) in connection.execute(_IN_NEWEST, (project_id,))}
    if rare := sorted(set(ids) - common):
        connection.execute(_DROP_UNUSED, (rare,))
