"""Which traces need which text in PostgreSQL: the one it came with stands beside it, only the others take a row each.

Most texts are needed by one trace alone, and a row with its two index entries takes as much room as many a text. Texts
that an older version wrote belong to nobody; all that need those have rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from .connection import Connection

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


def texts_of(change: Change) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield the texts that are put in, each with the trace that it belongs to."""
    owners: dict[bytes, int] = {}
    for row, name in change.uses:
        owners[name] = min(row, owners.get(name, row))
    for name, body in change.texts.items():
        yield name, body, owners[name]


def put_uses(connection: PostgresConnection, uses: Iterable[tuple[int, bytes]]) -> None:
    """Note that traces need texts, which are there, of other traces."""
    if columns := list(map(list, zip(*sorted(uses), strict=True))):
        connection.driver.execute(_PUT_USES, columns)


def drop_texts(connection: Connection, first: int, end: int) -> None:
    """Take away the texts that only the traces with rows from *first* up to *end* need; others keep what they need."""
    rows = first, end
    connection.execute(_OF_NOBODY, (*rows, *rows))
    connection.execute(_HAND_ON, (*rows, *rows, *rows))
    connection.execute(_DROP, rows)
