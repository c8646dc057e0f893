"""The state of the list of traces as its URL holds it: filter, range, sort, page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, Final

from ..errors import SpanwiseError
from ..query.filters import Filter, Query
from ..query.moments import nanoseconds
from ..store.cursor import is_of_text
from ..store.orders import TRACE_SORTS
from .columns import columns_in
from .format import SECOND_NS, Clock
from .urls import stamp, url

MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Preset:
    """One range to choose: how far back, and what it is called."""

    key: str
    words: str
    ns: int | None


PRESETS: Final[Mapping[str, Preset]] = {
    preset.key: preset
    for preset in (
        Preset("15m", "Last 15 minutes", 15 * MINUTE_NS),
        Preset("1h", "Last hour", HOUR_NS),
        Preset("24h", "Last 24 hours", DAY_NS),
        Preset("7d", "Last 7 days", 7 * DAY_NS),
        Preset("30d", "Last 30 days", 30 * DAY_NS),
        Preset("all", "All time", None),
    )
}
DEFAULT_RANGE: Final = "7d"
#: Orders of a list of spans.
SORTS: Final = frozenset({"time", "latency", "cost", "tokens"})
#: And of a list of calls.
CALL_SORTS: Final = SORTS | {"ttft", "name", "model", "status"}
#: Steps a histogram may have, so that its bars begin at round times.
_STEPS: Final = tuple(
    n * unit
    for unit, factors in (
        (SECOND_NS, (1, 5, 15, 30)),
        (MINUTE_NS, (1, 5, 15, 30)),
        (HOUR_NS, (1, 2, 4, 8, 12)),
        (DAY_NS, (1, 2, 7, 14, 30, 90, 365)),
    )
    for n in factors
)
MOST_BARS: Final = 96


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list shows; every link of the page is this with something changed."""

    project: str
    filter: str = ""
    range: str = DEFAULT_RANGE
    from_ns: int | None = None
    to_ns: int | None = None
    sort: str = "-time"
    cursor: str | None = None
    live: bool = False
    columns: str = ""
    """The columns that the URL asks for, empty for the reader's own."""

    @property
    def absolute(self) -> bool:
        """Whether the range has fixed ends, not a distance from now."""
        return self.from_ns is not None or self.to_ns is not None

    @property
    def narrowed(self) -> bool:
        """Whether the range leaves anything out."""
        return self.absolute or PRESETS[self.range].ns is not None

    def link(self, path: str = "/traces", **changes: object) -> str:
        """Return the URL of this list with *changes*; whatever moves the list goes back to its first page."""
        state = replace(self, **{"cursor": None, **changes})  # type: ignore[arg-type] # fields by name
        return url(path, state.project, state.params())

    def params(self) -> dict[str, object]:
        """Return the parameters that say this list, defaults left out."""
        return {
            "filter": self.filter,
            "range": None if self.absolute or self.range == DEFAULT_RANGE else self.range,
            "from": None if self.from_ns is None else stamp(self.from_ns),
            "to": None if self.to_ns is None else stamp(self.to_ns),
            "sort": None if self.sort == "-time" else self.sort,
            "cursor": self.cursor,
            "live": "1" if self.live else None,
            "cols": self.columns,
        }

    def export_link(self, form: str, now_ns: int) -> str:
        """Return where all that this list finds, not one page of it, is downloaded as a file."""
        start, end = self.bounds(now_ns)
        said = {
            "format": form,
            "filter": self.filter,
            "from": None if start is None else stamp(start),
            "to": None if end is None else stamp(end),
            "sort": None if self.sort == "-time" else self.sort,
        }
        return url("/api/v1/traces/export", self.project, said)

    def sorted_by(self, field: str) -> str:
        """Return the link of a column's header."""
        return self.link(sort=turned(self.sort, field), live=False)

    def bounds(self, now_ns: int) -> tuple[int | None, int | None]:
        """Return first and last nanosecond asked for; ``None`` leaves the side open."""
        if self.absolute:
            return self.from_ns, self.to_ns
        back = PRESETS[self.range].ns
        return (None if back is None else now_ns - back), None

    def query(self, tree: Filter, now_ns: int, limit: int = PAGE) -> Query:
        """Return the question to the store."""
        start, end = self.bounds(now_ns)
        return Query(self.project, tree, start, end, self.sort, limit, self.cursor)


def read(project: str, params: Mapping[str, str], clock: Clock, sorts: Collection[str] = TRACE_SORTS) -> Listing:
    """Return the list that the URL's parameters ask for; what is not understood is refused or falls back."""
    chosen = params.get("range", "")
    sort = params.get("sort", "")
    return Listing(
        project=project,
        filter=joined(params.get("filter", ""), params.get("q", "")),
        range=chosen if chosen in PRESETS else DEFAULT_RANGE,
        from_ns=moment(params.get("from", ""), clock.tz),
        to_ns=moment(params.get("to", ""), clock.tz),
        sort=sort if sort.removeprefix("-") in sorts else "-time",
        cursor=params.get("cursor") or None,
        live=params.get("live") == "1",
        columns=columns_in(params.get("cols", "")).text,
    )


def turned(sort: str, field: str) -> str:
    """Return what the title of *field* sorts a list by that is sorted by *sort*: numbers fall at first, texts rise."""
    first, other = (field, f"-{field}") if is_of_text(field) else (f"-{field}", field)
    return other if sort == first else first


def joined(*texts: str) -> str:
    """Return filter texts as one."""
    return " ".join(text.strip() for text in texts if text.strip())


def moment(text: str, tz: tzinfo) -> int | None:
    """Return the nanoseconds since 1970 of an ISO time; one without a zone is the reader's."""
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise SpanwiseError(f"{text!r} is not a time.", "Write it as 2026-11-23T10:00, or choose a range.") from None
    at = at.replace(tzinfo=tz) if at.tzinfo is None else at
    return nanoseconds(at.replace(microsecond=at.microsecond // 1_000 * 1_000))


def histogram_query(query: Query, now_ns: int) -> tuple[Query, int]:
    """Return *query* widened to round times, and how many bars of one round step it then has."""
    if query.from_ns is None:
        return query, MOST_BARS
    end = query.to_ns if query.to_ns is not None else now_ns
    wide = max(end - query.from_ns, SECOND_NS)
    step = next((s for s in _STEPS if wide / s <= MOST_BARS), _STEPS[-1])
    start = query.from_ns // step * step
    bars = max(-(-(end - start) // step), 1)
    return replace(query, from_ns=start, to_ns=start + bars * step, cursor=None), bars


def words_of(listing: Listing, clock: Clock) -> str:
    """Return what the range is called, ``Last 24 hours`` or ``21 Nov 14:00 to 15:00``."""
    if not listing.absolute:
        return PRESETS[listing.range].words
    start, end = listing.from_ns, listing.to_ns
    if start is None or end is None:
        return f"Since {clock.local(start)}" if start is not None else f"Until {clock.local(end or 0)}"
    same_day = clock.at(start).date() == clock.at(end).date()
    last = f"{clock.at(end):%H:%M}" if same_day else clock.local(end)
    return f"{clock.local(start)} to {last}"


def range_frame(listing: Listing, clock: Clock) -> dict[str, Any]:
    """Return what a page needs to show its range and to have another one chosen."""
    return {
        "presets": PRESETS.values(),
        "range_words": words_of(listing, clock),
        "bounds": [None if ns is None else f"{clock.at(ns):%Y-%m-%dT%H:%M}" for ns in listing.bounds(clock.now_ns)],
    }
