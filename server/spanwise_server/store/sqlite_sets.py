"""What the sets of traces are made of on SQLite, whose log of changes is filled by triggers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any, Final

import orjson
from pyroaring import BitMap64 as BitMap

from .connection import Connection
from .row_numbers import Column
from .set_source import EVERY_TRACE, MOST_FOLLOWED, SESSION, Changes, Moment, Numbers, OneTrace
from .words import unpack_ids

_ROWS_AT_ONCE: Final = 400
_LOADED_AT_ONCE: Final = 2_000
_NUMBERS: Final = "id, start_ns, status, duration_ns, cost_nusd, total_tokens"
_IN_ORDER: Final = f"SELECT {_NUMBERS} FROM traces INDEXED BY ix_traces_time WHERE project_id = ? ORDER BY start_ns, id"
_SOME: Final = f"SELECT {_NUMBERS}, project_id, words, unpriced_count, {SESSION} FROM traces t WHERE id IN ({{}})"
#: The traces that have the word of a session, each session's as one text.
_IN_SESSIONS: Final = (
    "SELECT s.id, json_group_array(w.trace_row) FROM words s CROSS JOIN trace_words w ON w.word_id = s.id "
    "WHERE s.field = 'session' GROUP BY s.id"
)
_SESSION_OF: Final = f"SELECT id, {SESSION} FROM traces t WHERE id IN ({{}})"
_UNPRICED: Final = (
    "SELECT t.id, t.unpriced_count FROM trace_words w CROSS JOIN traces t ON t.id = w.trace_row "
    "WHERE w.word_id = ? AND t.session_id = ? AND t.unpriced_count > 0"
)


class SqliteSets:
    """Reads a file's traces."""

    def __init__(self, connection: Connection) -> None:
        self._base = int(connection.execute("SELECT min(id) FROM traces").fetchone()[0] or 0)

    def column(self) -> Column:
        """Return a column that begins at the first row there is."""
        return Column(self._base)

    def moment(self, connection: Connection) -> int:
        """Return the number of the last change."""
        return last_change(connection)

    def changes(self, connection: Connection, since: Moment) -> Changes | None:
        """Return the rows that the log names behind a number."""
        last = last_change(connection)
        assert isinstance(since, int)  # noqa: S101 - as above
        if last <= since:
            return None
        rows = [row for (row,) in connection.execute("SELECT trace_row FROM trace_changes WHERE n > ?", (since,))]
        known = len(rows) == last - since and len(rows) <= MOST_FOLLOWED and EVERY_TRACE not in rows
        return Changes(last, BitMap(rows) if known else None)

    def in_order(self, connection: Connection, project_id: int) -> Iterator[Sequence[Numbers]]:
        """Yield what the index of time has."""
        found = iter(connection.execute(_IN_ORDER, (project_id,)))
        while some := list(islice(found, _LOADED_AT_ONCE)):
            yield some

    def traces(self, connection: Connection, rows: Sequence[int]) -> list[OneTrace]:
        """Return rows of traces."""
        return [
            OneTrace(project_id, (row, *numbers), unpack_ids(words), unpriced, session)
            for row, *numbers, project_id, words, unpriced, session in _some(connection, _SOME, rows)
        ]

    def words_of(self, connection: Connection, rows: Sequence[int]) -> list[tuple[int, tuple[int, ...]]]:
        """Return the words of rows."""
        asked = "SELECT id, words FROM traces WHERE id IN ({})"
        return [(row, unpack_ids(packed)) for row, packed in _some(connection, asked, rows)]

    def with_words(self, connection: Connection, words: Sequence[int]) -> Iterator[tuple[int, BitMap]]:
        """Yield each word with all rows that have it."""
        for word in words:
            # As one text: fetched one by one they take twice as long.
            asked = "SELECT json_group_array(trace_row) FROM trace_words WHERE word_id = ?"
            yield word, BitMap(orjson.loads(connection.execute(asked, (word,)).fetchone()[0]))

    def sessions(self, connection: Connection) -> Iterator[tuple[Sequence[int], Iterable[int | None]]]:
        """Yield the rows that have the word of each session; where a trace's spans name several, it is asked."""
        once, of_several = BitMap(), BitMap()
        for session, packed in connection.execute(_IN_SESSIONS):
            rows = orjson.loads(packed)
            found = BitMap(rows)
            of_several |= once & found
            once |= found
            yield rows, repeat(session, len(rows))
        for row, session in _some(connection, _SESSION_OF, list(of_several)):
            yield [row], [session]

    def unpriced(self, connection: Connection, session: int, name: str) -> dict[int, int]:
        """Return what rows of the session's word say."""
        return dict(connection.execute(_UNPRICED, (session, name)).fetchall())


def last_change(connection: Connection) -> int:
    """Return the number of the last change there was."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'trace_changes'").fetchone()
    return 0 if found is None else int(found[0])


def _some(connection: Connection, asked: str, rows: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[at : at + _ROWS_AT_ONCE]
        yield from connection.execute(asked.format(", ".join("?" * len(some))), some).fetchall()
