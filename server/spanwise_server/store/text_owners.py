"""Which traces need which text: the one it came with stands beside it, only the others take a row each.

Most texts are needed by one trace alone, and a row with its two index entries takes as much room as many a text. Texts
that an older version wrote belong to nobody; all that need those have rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from .address import span_range
from .connection import Connection
from .payload import texts_named
from .sparse import put

if TYPE_CHECKING:
    from .change import Change
    from .postgres_connection import PostgresConnection

_PUT_USES: Final = (
    "INSERT INTO text_uses (trace_row, hash) SELECT u.trace_row, u.hash "
    "FROM unnest(%b::bigint[], %b::bytea[]) AS u (trace_row, hash) JOIN texts x ON x.hash = u.hash "
    "WHERE x.trace_row IS DISTINCT FROM u.trace_row ORDER BY 1, 2 ON CONFLICT DO NOTHING"
)
_OTHERS_NEED: Final = "SELECT {what} FROM text_uses o WHERE o.hash = x.hash AND (o.trace_row < ? OR o.trace_row >= ?)"
_OF_NOBODY: Final = (
    "DELETE FROM texts x WHERE x.trace_row IS NULL AND x.hash IN (SELECT u.hash FROM text_uses u "
    f"WHERE u.trace_row >= ? AND u.trace_row < ?) AND NOT EXISTS ({_OTHERS_NEED.format(what='1')})"
)
_HAND_ON: Final = (
    f"UPDATE texts x SET trace_row = ({_OTHERS_NEED.format(what='min(o.trace_row)')}) "
    f"WHERE x.trace_row >= ? AND x.trace_row < ? AND EXISTS ({_OTHERS_NEED.format(what='1')})"
)
_DROP: Final = "DELETE FROM texts WHERE trace_row >= ? AND trace_row < ?"
_UNLESS_THERE: Final = "ON CONFLICT DO NOTHING"
_CHANGED: Final = "SELECT total_changes()"
_BELONGS_TO: Final = "SELECT 1 FROM texts WHERE hash = ? AND trace_row = ?"
_DROP_UNNEEDED: Final = (
    "DELETE FROM texts WHERE hash = ? AND (trace_row = ? OR trace_row IS NULL) "
    "AND NOT EXISTS (SELECT 1 FROM text_uses u WHERE u.hash = texts.hash)"
)
_LET_GO: Final = "UPDATE texts SET trace_row = NULL WHERE hash = ? AND trace_row = ?"


def texts_of(change: Change) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield the texts that are put in, each with the trace that it belongs to."""
    for name, body in change.texts.items():
        yield name, body, change.owners[name]


def put_texts(connection: Connection, change: Change) -> None:
    """Put the texts into SQLite, and which traces need those of others."""
    rows = list(texts_of(change))
    before = connection.execute(_CHANGED).fetchone()[0]
    put(connection, "texts", ("hash", "body", "trace_row"), rows, _UNLESS_THERE)
    if connection.execute(_CHANGED).fetchone()[0] - before < len(rows):  # some were there, which nobody remembered
        for name, _, row in rows:
            if connection.execute(_BELONGS_TO, (name, row)).fetchone() is None:
                change.uses.add((row, name))
    put(connection, "text_uses", ("trace_row", "hash"), sorted(change.uses), _UNLESS_THERE)


def put_uses(connection: PostgresConnection, change: Change) -> None:
    """Note that traces need texts, which are there, of other traces."""
    uses = {*change.uses, *((row, name) for name, row in change.owners.items())}
    if columns := list(map(list, zip(*sorted(uses), strict=True))):
        connection.driver.execute(_PUT_USES, columns)


def drop_texts(connection: Connection, first: int, end: int) -> None:
    """Take away the texts that only the traces with rows from *first* up to *end* need; others keep what they need."""
    rows = first, end
    connection.execute(_OF_NOBODY, (*rows, *rows))
    connection.execute(_HAND_ON, (*rows, *rows, *rows))
    connection.execute(_DROP, rows)


def drop_texts_of(connection: Connection, row: int) -> set[bytes]:
    """Take away from SQLite the texts that only one trace needs; return the names of all that it needed.

    They are those that its packed spans name, which must still be there, and those that it has rows for. A span that is
    replaced leaves the names of what it said before.
    """
    found = connection.execute("SELECT hash FROM text_uses WHERE trace_row = ?", (row,))
    names: set[bytes] = {name for (name,) in found}
    for (body,) in connection.execute("SELECT body FROM payloads WHERE id BETWEEN ? AND ?", span_range(row)):
        names.update(texts_named(body))
    connection.execute("DELETE FROM text_uses WHERE trace_row = ?", (row,))
    of_trace = [(name, row) for name in sorted(names)]
    connection.executemany(_DROP_UNNEEDED, of_trace)
    connection.executemany(_LET_GO, of_trace)
    return names
