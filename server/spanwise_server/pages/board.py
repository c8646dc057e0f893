"""The state of the dashboard as its URL holds it, and the steps of time that its charts have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ..query.filters import Filter, Query
from ..query.measures import SPLITS, Steps
from ..query.values import quoted
from .format import SECOND_NS, Clock
from .listing import DAY_NS, HOUR_NS, MINUTE_NS, Listing, joined, read
from .urls import url

PATH: Final = "/dashboard"
MOST_BARS: Final = 48
#: Ranges longer than this have whole hours as steps, which the rollups know.
_LONG_NS: Final = 6 * HOUR_NS
_SHORT_STEPS: Final = tuple(
    n * unit for unit, factors in ((SECOND_NS, (1, 5, 15, 30)), (MINUTE_NS, (1, 2, 5, 10))) for n in factors
)
_LONG_STEPS: Final = tuple(
    n * unit for unit, factors in ((HOUR_NS, (1, 2, 4, 6, 12)), (DAY_NS, (1, 2, 7, 14, 30, 90, 365))) for n in factors
)


@dataclass(frozen=True, slots=True)
class Board:
    """What the dashboard shows; every link of the page is this with something changed."""

    listing: Listing
    by: str = "model"
    a_day: int | None = None
    """Calls a day that the projection is asked for."""
    of: str = ""
    """The model that the projection moves elsewhere."""
    onto: str = ""
    """Where to, as ``provider/model``."""

    @property
    def project(self) -> str:
        """The project whose calls these are."""
        return self.listing.project

    def link(self, **changes: object) -> str:
        """Return the URL of this dashboard with *changes* to it, or to its filter and range."""
        own = {name: changes.pop(name) for name in ("by", "a_day", "of", "onto") if name in changes}
        state = replace(self, **own)  # type: ignore[arg-type] # fields by name
        listing = replace(state.listing, **changes)  # type: ignore[arg-type]
        return url(PATH, listing.project, {**listing.params(), **state.extras()})

    def extras(self) -> dict[str, object]:
        """Return the parameters that a list does not have, defaults left out."""
        return {
            "by": None if self.by == "model" else self.by,
            "a_day": self.a_day,
            "of": self.of,
            "onto": self.onto,
        }

    def params(self) -> dict[str, object]:
        """Return every parameter of the URL."""
        return {**self.listing.params(), **self.extras()}

    def traces(self, *terms: str, sort: str = "-time", start: int | None = None, end: int | None = None) -> str:
        """Return the list of the traces behind a figure: the filter with *terms*, in the range or in a part of it."""
        changes: dict[str, object] = {"filter": joined(self.listing.filter, *terms), "sort": sort}
        if start is not None and end is not None:
            changes |= {"from_ns": start, "to_ns": end}
        return replace(self.listing, **changes).link()  # type: ignore[arg-type] # fields by name


def read_board(project: str, params: Mapping[str, str], clock: Clock) -> Board:
    """Return the dashboard that the URL's parameters ask for; what is not understood falls back."""
    listing = replace(read(project, params, clock), sort="-time", cursor=None, live=False)
    by, a_day = params.get("by", ""), params.get("a_day", "")
    return Board(
        listing=listing,
        by=by if by in SPLITS else "model",
        a_day=min(int(a_day), 1_000_000_000) if a_day.isascii() and a_day.isdecimal() else None,
        of=params.get("of", ""),
        onto=params.get("onto", ""),
    )


def steps_of(start_ns: int, end_ns: int) -> Steps:
    """Return steps of one round length that cover the range, at most about ``MOST_BARS`` of them."""
    wide = max(end_ns - start_ns, SECOND_NS)
    lengths = _LONG_STEPS if wide > _LONG_NS else _SHORT_STEPS
    step = next((length for length in lengths if wide / length <= MOST_BARS), lengths[-1])
    first = start_ns // step * step
    return Steps(first, step, max(-(-(end_ns - first) // step), 1))


def query_of(board: Board, tree: Filter, steps: Steps) -> Query:
    """Return the question to the store."""
    return Query(board.listing.project, tree, steps.first_ns, steps.end_ns)


def term_of(by: str, value: str | None) -> str:
    """Return the term of the filter language that finds one value of a split."""
    if value is None:
        return f"-{by}:*"
    return f"{by}:{quoted(value)}"
