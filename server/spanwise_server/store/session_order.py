"""Sessions in another order than the newest first: by what all of their traces come to, or by their ids. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Any, Final, NamedTuple

from ..query.filters import Query
from .cursor import Cursor, read_cursor
from .orders import no_order

NEWEST_FIRST: Final = "-time"
Value = int | str | None
#: So many of the newest sessions that match are put in order where it is not known what all of them come to.
MOST_ORDERED: Final = 1_000


class SessionSums(NamedTuple):
    """What all traces of one session come to."""

    turns: int
    errors: int
    first_ns: int
    """When its first trace started."""
    last_ns: int
    """When its last one did."""
    end_ns: int
    cost_nusd: int | None
    unpriced_count: int
    total_tokens: int | None


SORTS: Final[Mapping[str, Callable[[SessionSums], int | None]]] = {
    "time": lambda sums: sums.last_ns,
    "start": lambda sums: sums.first_ns,
    "duration": lambda sums: sums.end_ns - sums.first_ns,
    "turns": lambda sums: sums.turns,
    "errors": lambda sums: sums.errors,
    "tokens": lambda sums: sums.total_tokens,
    "cost": lambda sums: sums.cost_nusd,
}
"""What sessions are sorted by; ``None`` comes last in both directions, and ids decide between those that are equal."""
BY_ID: Final = "session"
ORDERS: Final = (*SORTS, BY_ID)


@dataclass(frozen=True, slots=True)
class Ordered:
    """The sessions of one page in order, and where the pages beside it begin."""

    sessions: tuple[str, ...]
    next_cursor: str | None
    previous_cursor: str | None


def check_sort(sort: str) -> None:
    """Refuse an order that there is not."""
    if sort.removeprefix("-") not in ORDERS:
        raise no_order(sort, dict.fromkeys(ORDERS))


def values_of(sums: Mapping[str, SessionSums], sort: str) -> list[tuple[Value, str]]:
    """Return what each session says in the order of *sort*, with its id."""
    value_of = SORTS.get(sort.removeprefix("-"))
    return [(session if value_of is None else value_of(of), session) for session, of in sums.items()]


def ordered(values: Iterable[tuple[Value, str]], query: Query) -> Ordered:
    """Return the page that *query* asks for of sessions, each with what it says in that order."""
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort, named=True)
    backwards = cursor is not None and cursor.backwards
    falls = query.sort.startswith("-") != backwards
    found = list(values)
    said, unsaid = [one for one in found if one[0] is not None], [one for one in found if one[0] is None]
    parts: list[list[tuple[Any, str]]] = [unsaid, said] if backwards else [said, unsaid]
    if cursor is not None and cursor.words is not None:
        at: tuple[Any, str] = said_at(cursor), cursor.words
        if (at[0] is None) != backwards:
            del parts[0]
        parts[0] = [one for one in parts[0] if (one < at if falls else one > at)]
    rows: list[tuple[Any, str]] = []
    for part in parts:
        rows += (nlargest if falls else nsmallest)(query.limit + 1 - len(rows), part)
    more, rows = len(rows) > query.limit, rows[: query.limit]
    if backwards:
        rows.reverse()
    if not rows:
        return Ordered((), None, None)

    def beside(row: tuple[Any, str], *, before: bool) -> str:
        return Cursor(query.sort, 0 if _is_by_id(query.sort) else row[0], 0, before, row[1]).text()

    return Ordered(
        tuple(session for _, session in rows),
        beside(rows[-1], before=False) if more or backwards else None,
        beside(rows[0], before=True) if (more if backwards else cursor is not None) else None,
    )


def said_at(cursor: Cursor) -> Value:
    """Return what the session at a cursor says."""
    return cursor.words if _is_by_id(cursor.sort) else cursor.value


def _is_by_id(sort: str) -> bool:
    return sort.removeprefix("-") == BY_ID
