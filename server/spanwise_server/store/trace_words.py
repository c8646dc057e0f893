"""Traces found by their words in a table of its own, ordered by time: SQLite's way, whose keys are small."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from .conditions import Sql
from .connection import Connection
from .words import pack_ids, unpack_ids

_ASKED_AT_ONCE = 400
_UNUSED = "id IN ({}) AND NOT EXISTS (SELECT 1 FROM trace_words t WHERE t.word_id = words.id)"
_NEWEST = "(SELECT max(id) FROM words)"
#: Field of a word that says nothing any more.
_GONE = "gone"
_DROP = "DELETE FROM trace_words WHERE word_id = ? AND start_ns = ? AND trace_row = ?"
_PUT = "INSERT INTO trace_words (word_id, start_ns, trace_row) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


class WordTable:
    """The table ``trace_words``: a row for each word of each trace."""

    are_combined = False

    def few_traces(
        self, connection: Connection, ids: Sequence[int], from_ns: int, to_ns: int, most: int
    ) -> tuple[int, Sql] | None:
        """Return how many traces of a time have any of the words, and a query for their rows; ``None`` where many."""
        found = f"trace_words WHERE word_id IN ({_marks(ids)}) AND start_ns >= ? AND start_ns < ?"
        values = (*ids, from_ns, to_ns)
        few = f"SELECT count(*) FROM (SELECT 1 FROM {found} LIMIT {most + 1}) AS few"
        count = connection.execute(few, values).fetchone()[0]
        return (count, Sql(f"SELECT DISTINCT trace_row AS row FROM {found}", values)) if count <= most else None

    def of_trace(self, ids: Sequence[int]) -> Sql:
        """Return that the trace ``t`` has any of the words, of which there are some."""
        return Sql(
            f"EXISTS (SELECT 1 FROM trace_words w WHERE w.word_id IN ({_marks(ids)}) "
            "AND w.start_ns = t.start_ns AND w.trace_row = t.id)",
            tuple(ids),
        )

    def rows_with(self, word: str) -> str:
        """Return a query for the rows of traces, named ``row``, with the one word that an expression of SQL gives."""
        return f"SELECT trace_row AS row FROM trace_words WHERE word_id = {word}"

    def from_sessions(self, words: Sequence[int]) -> Sql:
        """Return where the traces ``t`` are whose session is one of *words*; ends in a condition."""
        return Sql(
            "FROM words v CROSS JOIN trace_words w ON w.word_id = v.id CROSS JOIN traces t ON t.id = w.trace_row "
            f"WHERE v.id IN ({_marks(words)}) AND t.session_id = v.value",
            tuple(words),
        )

    def counted(self, connection: Connection, chosen: Sql) -> Counter[int]:
        """Return in how many traces each word is, of a query for the words of traces."""
        # All of them as one text of ids: what is counted in one go takes a quarter of the time.
        return Counter(unpack_ids(b"".join(kept for (kept,) in connection.execute(chosen.text, chosen.values))))

    def change(
        self, connection: Connection, row: int, start_ns: int, put: Iterable[int], dropped: Iterable[int]
    ) -> None:
        """Let a trace have the words *put*, and no longer those *dropped*."""
        connection.executemany(_DROP, [(word, start_ns, row) for word in dropped])
        connection.executemany(_PUT, [(word, start_ns, row) for word in put])

    def kept(self, ids: Collection[int]) -> bytes:
        """Return ids of words as the trace's own row keeps them."""
        return pack_ids(ids)


def words_of_traces(connection: Connection, project_id: int, trace_ids: Sequence[bytes]) -> set[int]:
    """Return the words that some traces have."""
    found: set[int] = set()
    for at in range(0, len(trace_ids), _ASKED_AT_ONCE):
        some = trace_ids[at : at + _ASKED_AT_ONCE]
        asked = f"SELECT words FROM traces WHERE project_id = ? AND trace_id IN ({', '.join('?' * len(some))})"
        for (packed,) in connection.execute(asked, (project_id, *some)):
            found.update(unpack_ids(packed))
    return found


def drop_unused(connection: sqlite3.Connection, project_id: int, ids: Collection[int]) -> bool:
    """Take away those of some words that no trace has any more; return whether there were any.

    No number is given to another word: the newest one stays, without what it said, until there is a newer one.
    """
    dropped = 0
    wanted = sorted(ids)
    for at in range(0, len(wanted), _ASKED_AT_ONCE):
        some = wanted[at : at + _ASKED_AT_ONCE]
        unused = _UNUSED.format(_marks(some))
        dropped += connection.execute(f"DELETE FROM words WHERE {unused} AND id < {_NEWEST}", some).rowcount
        dropped += connection.execute(
            f"UPDATE words SET field = '{_GONE}', value = CAST(id AS TEXT) WHERE {unused}", some
        ).rowcount
    connection.execute(
        f"DELETE FROM words WHERE project_id = ? AND field = '{_GONE}' AND id < {_NEWEST}", (project_id,)
    )
    return dropped > 0


def _marks(ids: Sequence[int]) -> str:
    return ", ".join("?" * len(ids)) or "NULL"
