"""Rows put in by the columns that they say anything in: most columns of most rows are NULL, and each costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from mypy_extensions import i64

from .connection import Connection

#: Fewer rows with the same columns go in with all of them: a statement of their own would cost more than it saves.
FEWEST_ALIKE: Final = 8
_STATEMENTS: Final = 200


def put_sparse(connection: Connection, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """Put *rows* in, each with a value or ``None`` for each of *columns*, none of which has a default but NULL."""
    alike: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        alike[_said(row)].append(row)
    for said, same in alike.items():
        if len(same) < FEWEST_ALIKE:
            connection.executemany(insert(table, columns), same)
        else:
            some = tuple(name for at, name in enumerate(columns) if said >> at & 1)
            connection.executemany(insert(table, some), [[value for value in row if value is not None] for row in same])


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
def insert(table: str, columns: tuple[str, ...], conflict: str = "") -> str:
    """Return the statement that puts a row into *table*."""
    return f"INSERT {conflict} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
