"""Sessions in another order than the newest first: by what all of their traces come to, by texts or by ids. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Any, Final, NamedTuple

from ..query.filters import Query
from .cursor import Cursor, not_ours, read_cursor
from .orders import BY_LABEL, no_order

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
TEXTS: Final = ("user", "input", "output")
"""Orders by what the traces at a session's ends say, in the order of ``SessionTexts``."""
ORDERS: Final = (*SORTS, BY_ID, *TEXTS, BY_LABEL)
SessionTexts = tuple[str | None, str | None, str | None]
"""A session's user, and how its first input and its last output begin."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """The sessions of one page in order, and where the pages beside it begin."""

    sessions: tuple[str, ...]
    next_cursor: str | None
    previous_cursor: str | None


def check_sort(sort: str) -> None:
    """Refuse an order that there is not."""
    if sort.removeprefix("-") not in ORDERS:
        raise no_order(sort, ORDERS)


def is_by_text(sort: str) -> bool:
    """Return whether *sort* is an order of texts that sums do not tell."""
    return sort.removeprefix("-") in (*TEXTS, BY_LABEL)


def values_of(sums: Mapping[str, SessionSums], sort: str) -> list[tuple[Value, str]]:
    """Return what each session says in the order of *sort*, which its sums tell, with its id."""
    value_of = SORTS.get(sort.removeprefix("-"))
    return [(session if value_of is None else value_of(of), session) for session, of in sums.items()]


def ordered(values: Iterable[tuple[Value, str]], query: Query) -> Ordered:
    """Return the page that *query* asks for of sessions, each with what it says in that order."""
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort, named=True)
    backwards = cursor is not None and cursor.backwards
    falls = query.sort.startswith("-") != backwards
    at = None if cursor is None else place_at(cursor)
    foremost = nlargest if falls else nsmallest
    unsaid: list[tuple[Any, str]] = []
    said, most = _apart(values, unsaid), query.limit + 1
    rows: list[tuple[Any, str]]
    if at is None or at[0] is not None:
        rows = foremost(most, said if at is None else _beyond(said, at, falls=falls))
        if not backwards:
            rows += foremost(most - len(rows), unsaid)
    else:
        others = list(said)
        rows = foremost(most, _beyond(unsaid, at, falls=falls))
        if backwards:
            rows += foremost(most - len(rows), others)
    more, rows = len(rows) > query.limit, rows[: query.limit]
    if backwards:
        rows.reverse()
    if not rows:
        return Ordered((), None, None)

    def beside(row: tuple[Any, str], *, before: bool) -> str:
        return cursor_at(query.sort, *row, before=before).text()

    return Ordered(
        tuple(session for _, session in rows),
        beside(rows[-1], before=False) if more or backwards else None,
        beside(rows[0], before=True) if (more if backwards else cursor is not None) else None,
    )


def _apart(values: Iterable[tuple[Value, str]], unsaid: list[tuple[Any, str]]) -> Iterator[tuple[Any, str]]:
    """Yield the sessions that say something, one after another since they are many, and gather the others."""
    for one in values:
        if one[0] is None:
            unsaid.append(one)
        else:
            yield one


def _beyond(found: Iterable[tuple[Any, str]], at: tuple[Any, str], *, falls: bool) -> Iterator[tuple[Any, str]]:
    return (one for one in found if (one < at if falls else one > at))


#: In an order of texts, the value of the cursor at a session that says none.
_UNSAID: Final = 1


def cursor_at(sort: str, value: Value, session: str, *, before: bool) -> Cursor:
    """Return the cursor beside a session; with a text that it says, how long that is stands before both."""
    if not isinstance(value, str):
        return Cursor(sort, _UNSAID if is_by_text(sort) else value, 0, before, session)
    words = session if sort.removeprefix("-") == BY_ID else f"{len(value)} {value}{session}"
    return Cursor(sort, 0, 0, before, words)


def place_at(cursor: Cursor) -> tuple[Value, str]:
    """Return what the session at a cursor says, and its id."""
    words = cursor.words or ""
    if cursor.sort.removeprefix("-") == BY_ID:
        return words, words
    if not is_by_text(cursor.sort):
        return cursor.value, words
    if cursor.value == _UNSAID:
        return None, words
    size, _, both = words.partition(" ")
    if not (size.isascii() and size.isdecimal() and int(size[:9]) <= len(both)):
        raise not_ours()
    return both[: int(size)], both[int(size) :]
