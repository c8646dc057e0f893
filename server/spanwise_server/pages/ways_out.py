"""Ways out of a list that found nothing: which term of the filter to drop, or to look over all time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ..store.base import Count
from .chips import chips
from .listing import Listing

#: So many are tried.
_MOST: Final = 6


@dataclass(frozen=True, slots=True)
class Way:
    """A way out of an empty list: what to leave out, and how many that gives."""

    words: str
    premise: str
    """How the sentence begins that says how many there are."""
    href: str
    n: int
    exact: bool


def ways_out(listing: Listing, link: Callable[[Listing], str], count: Callable[[Listing], Count]) -> tuple[Way, ...]:
    """Return what would give something, the most first: each term left out, or the range.

    *link* is where the list is that another one says, *count* how many it has.
    """
    tries = [
        (f"Drop {chip.text}", f"Without {chip.text}", replace(listing, filter=chip.without))
        for chip in chips(listing.filter)
    ]
    if listing.narrowed:
        all_time = replace(listing, range="all", from_ns=None, to_ns=None)
        tries.append(("Search all time", "Over all time", all_time))
    found = []
    for words, premise, asked in tries[:_MOST]:
        other = replace(asked, cursor=None, live=False)
        counted = count(other)
        if counted.n:
            found.append(Way(words, premise, link(other), counted.n, counted.exact))
    return tuple(sorted(found, key=lambda way: -way.n))
