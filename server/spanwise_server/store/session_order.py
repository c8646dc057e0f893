"""Sessions in another order than the newest first: by what all of their traces come to. Pure.

Sums have no index, so that not all sessions there are can be put in order at once: the newest are, and a page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from ..query.filters import Query
from .cursor import Cursor, read_cursor
from .orders import no_order

NEWEST_FIRST: Final = "-time"
#: So many of the newest sessions that match are put in order.
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
"""What sessions are sorted by; ``None`` comes last in both directions."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """The sessions of one page in order, and where the pages beside it begin."""

    sessions: tuple[str, ...]
    next_cursor: str | None
    previous_cursor: str | None


def check_sort(sort: str) -> None:
    """Refuse an order that there is not."""
    if sort.removeprefix("-") not in SORTS:
        raise no_order(sort, SORTS)


def ordered(sums: Mapping[str, SessionSums], query: Query) -> Ordered:
    """Return the page that *query* asks for of the sessions in *sums*."""
    value_of = SORTS[query.sort.removeprefix("-")]
    sign = -1 if query.sort.startswith("-") else 1

    def place(value: int | None, tie: int) -> tuple[bool, int, int]:
        return value is None, sign * (value or 0), tie

    known = {session: (value_of(of), _tie(session)) for session, of in sums.items()}
    ids = sorted(known, key=lambda session: place(*known[session]))
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
    backwards = cursor is not None and cursor.backwards
    if cursor is not None:
        at = place(cursor.value, cursor.row)
        ids = [one for one in ids if (place(*known[one]) < at if backwards else place(*known[one]) > at)]
    more = len(ids) > query.limit
    page = ids[-query.limit :] if backwards else ids[: query.limit]
    if not page:
        return Ordered((), None, None)

    def beside(session: str, *, before: bool) -> str:
        return Cursor(query.sort, *known[session], before).text()

    return Ordered(
        tuple(page),
        beside(page[-1], before=False) if more or backwards else None,
        beside(page[0], before=True) if (more if backwards else cursor is not None) else None,
    )


def _tie(session: str) -> int:
    """Return what tells sessions apart that come to the same, on every engine in the same order."""
    return int.from_bytes(blake2b(session.encode(), digest_size=7).digest(), "big")
