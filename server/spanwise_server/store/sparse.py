"""Rows put in many at once, and by the columns that they say anything in: each statement costs, and each column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from mypy_extensions import i64

from .connection import Connection

#: Fewer rows with the same columns go in with all of them: a statement of their own would cost more than it saves.
FEWEST_ALIKE: Final = 8
#: Rows that one statement puts in: to run it takes a third of what a short row does.
TOGETHER: Final = 32
_STATEMENTS: Final = 200


def put_sparse(connection: Connection, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """Put *rows* in, each with a value or ``None`` for each of *columns*, none of which has a default but NULL."""
    alike: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        alike[_said(row)].append(row)
    for said, same in alike.items():
        if len(same) < FEWEST_ALIKE:
            put_as_they_are(connection, table, columns, list(map(_bound, same)))
        else:
            some = tuple(name for at, name in enumerate(columns) if said >> at & 1)
            put_as_they_are(
                connection, table, some, [_bound([value for value in row if value is not None]) for row in same]
            )


def put(
    connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]], unless: str = ""
) -> None:
    """Put *rows* in, each with a value for each of *columns*; *unless* says what else becomes of those in conflict."""
    put_as_they_are(connection, table, columns, list(map(_bound, rows)), unless)


def _bound(values: Sequence[Any]) -> list[Any]:
    """Return *values* as SQLite takes them at once: for bytes that may change it asks nobody how to adapt them."""
    return [bytearray(value) if type(value) is bytes else value for value in values]


def put_as_they_are(
    connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]], unless: str = ""
) -> None:
    """Put *rows* in of values that SQLite takes at once, as ``put`` does."""
    whole = len(rows) - len(rows) % TOGETHER
    for first in range(0, whole, TOGETHER):
        values: list[Any] = []
        for row in rows[first : first + TOGETHER]:
            values += row
        connection.execute(insert(table, columns, rows=TOGETHER, unless=unless), values)
    connection.executemany(insert(table, columns, unless=unless), rows[whole:])


def _said(row: tuple[Any, ...]) -> int:
    """Return a bit for each value that is said."""
    found: i64 = 0
    bit: i64 = 1
    for value in row:
        if value is not None:
            found |= bit
        bit <<= 1
    return found


@lru_cache(_STATEMENTS)
def insert(table: str, columns: tuple[str, ...], conflict: str = "", *, rows: int = 1, unless: str = "") -> str:
    """Return the statement that puts so many rows into *table*."""
    values = ", ".join([f"({', '.join('?' * len(columns))})"] * rows)
    return f"INSERT {conflict} INTO {table} ({', '.join(columns)}) VALUES {values} {unless}"
