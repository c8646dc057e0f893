"""The state of the dashboard as its URL holds it, and the steps of time that its charts have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..errors import FilterError
from ..query.calls import CALLS
from ..query.filters import Filter, Not, Or, Query, Term
from ..query.measures import SPLITS, Slot, Steps
from ..query.numbers import whole
from ..query.parse import format, parse  # noqa: A004  # the other half of parse
from ..query.values import quoted
from .call_list import ALL, CallList
from .call_list import PATH as CALLS_PATH
from .format import SECOND_NS, Clock
from .listing import DAY_NS, HOUR_NS, MINUTE_NS, Listing, joined, read
from .urls import complete_link, stamp, url

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
    table: bool = False
    """Whether the charts stand below once more, as a table: a third of the page, and few want it."""
    steps: Steps | None = None
    """What was measured, once that is known."""

    @property
    def project(self) -> str:
        """The project whose calls these are."""
        return self.listing.project

    def link(self, **changes: object) -> str:
        """Return the URL of this dashboard with *changes* to it, or to its filter and range."""
        own = {name: changes.pop(name) for name in ("by", "a_day", "of", "onto", "table") if name in changes}
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
            "table": "1" if self.table else None,
        }

    def params(self) -> dict[str, object]:
        """Return every parameter of the URL."""
        return {**self.listing.params(), **self.extras()}

    def complete_link(self) -> str:
        """Return where the words being typed into the filter are completed."""
        return complete_link(self.project, self.params(), "dashboard")

    def calls(
        self, only: str = ALL, *terms: str, sort: str = "-time", start: int | None = None, end: int | None = None
    ) -> str:
        """Return the list of the calls that make a figure: a key of ``CALLS`` and *terms*, in the range or a part."""
        if (start is None or end is None) and self.listing.absolute and self.steps is not None:
            start, end = self.steps.first_ns, self.steps.end_ns
        changes: dict[str, object] = {"filter": joined(_alone(self.listing.filter, *terms), *terms), "sort": sort}
        if start is not None and end is not None:
            changes |= {"from_ns": start, "to_ns": end}
        listing = replace(self.listing, **changes)  # type: ignore[arg-type] # fields by name
        return CallList(listing, only).link()

    def calls_of_each(
        self, times: Sequence[tuple[int, int]], only: str = ALL, *terms: str, sort: str = "-time"
    ) -> tuple[str, ...]:
        """Return the same as ``calls`` of each of many parts of the range: a page has hundreds of these links."""
        asked = replace(
            self.listing, filter=joined(_alone(self.listing.filter, *terms), *terms), sort=sort, cursor=None
        )
        said = CallList(asked, only).params() | {"range": None}
        if not times:
            return ()
        # They differ in their times alone; nothing else can be spelt like these, since = and & of a value are quoted.
        parts = [f"from={stamp(a)}&to={stamp(b)}" for a, b in times]
        start, end = times[0]
        first = url(CALLS_PATH, self.project, {**said, "from": stamp(start), "to": stamp(end)})
        before, _, after = first.partition(parts[0])
        return tuple([f"{before}{part}{after}" for part in parts])


def read_board(project: str, params: Mapping[str, str], clock: Clock) -> Board:
    """Return the dashboard that the URL's parameters ask for; what is not understood falls back."""
    listing = replace(read(project, params, clock), sort="-time", cursor=None, live=False)
    by, a_day = params.get("by", ""), params.get("a_day", "")
    return Board(
        listing=listing,
        by=by if by in SPLITS else "model",
        a_day=None if (said := whole(a_day)) is None else min(said, 1_000_000_000),
        of=params.get("of", ""),
        onto=params.get("onto", ""),
        table=params.get("table") == "1",
    )


def calls_by_key(board: Board, *terms: str) -> dict[str, str]:
    """Return the list of each kind of calls that *terms* find; ``slow`` are all."""
    return {key: board.calls(key, *terms) for key in CALLS} | {"slow": board.calls(ALL, *terms, sort="-latency")}


def calls_by_slot(board: Board, slots: Sequence[Slot]) -> list[dict[str, str]]:
    """Return the same of each step."""
    times = times_of(slots)
    by_key = {key: board.calls_of_each(times, key) for key in CALLS}
    by_key["slow"] = board.calls_of_each(times, ALL, sort="-latency")
    return [dict(zip(by_key, hrefs, strict=True)) for hrefs in zip(*by_key.values(), strict=True)]


def times_of(slots: Sequence[Slot]) -> list[tuple[int, int]]:
    """Return where each step begins and ends."""
    return [(slot.from_ns, slot.to_ns) for slot in slots]


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
    """Return the terms of the filter language that find one value of a split and nothing of another."""
    if value is None:
        return f"-{by}:*"
    term = f"{by}:{quoted(value)}"
    if by == "prompt" and "@" not in value:  # a name alone finds all versions too
        return f"{term} {format(Not(Term(by, 'like', (f'{value}@*',))))}"
    return term


def others_of(by: str, values: Sequence[str | None]) -> str:
    """Return the terms that find what has none of these values of a split."""
    return " ".join(f"{by}:*" if value is None else f"-({term_of(by, value)})" for value in values)


def _alone(filter_: str, *terms: str) -> str:
    """Return a filter that *terms* can stand beside: an OR in it would take them for one of its sides."""
    return f"({filter_})" if terms and isinstance(_tree(filter_), Or) else filter_


def _tree(filter_: str) -> Filter | None:
    try:
        return parse(filter_)
    except FilterError:
        return None
