"""The state of the list of calls as its URL holds it, and what stands above the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ..query.calls import CALLS, Call, Calls
from ..query.measures import Measured, Tallied
from . import format as fmt
from .format import Clock
from .listing import CALL_SORTS, Listing, joined, read, turned
from .urls import complete_link, stamp, url

PATH: Final = "/dashboard/calls"
ALL: Final = "all"
#: Those of ``CALLS`` that are spans of every kind.
SPANS: Final = "spans"


@dataclass(frozen=True, slots=True)
class CallList:
    """What the list shows; every link of the page is this with something changed."""

    listing: Listing
    only: str = ALL
    """Which calls, a key of ``CALLS``."""

    @property
    def project(self) -> str:
        """The project whose calls these are."""
        return self.listing.project

    @property
    def calls(self) -> Calls:
        """Which calls are listed."""
        return CALLS[self.only]

    @property
    def terms(self) -> str:
        """The filter that finds what is listed, of spans."""
        return joined(self.calls.terms, f"({self.listing.filter})" if self.listing.filter.strip() else "")

    def link(self, **changes: object) -> str:
        """Return the URL of this list with *changes*; whatever moves the list goes back to its first page."""
        only = str(changes.pop("only", self.only))
        listing = replace(self.listing, **{"cursor": None, **changes})  # type: ignore[arg-type] # fields by name
        return url(PATH, self.project, replace(self, listing=listing, only=only).params())

    def params(self) -> dict[str, object]:
        """Return the parameters of the URL, defaults left out."""
        return {"only": None if self.only == ALL else self.only, **self.listing.params()}

    def sorted_by(self, field: str) -> str:
        """Return the link of a column's header: descending first, then the other way."""
        return self.link(sort=turned(self.listing.sort, field))

    def traces(self) -> str:
        """Return the list of the traces that have one of these calls."""
        return replace(self.listing, filter=f"any:({self.terms})", cursor=None).link()

    def board_params(self) -> dict[str, object]:
        """Return what the dashboard of the same filter and range has in its URL."""
        return {name: value for name, value in self.listing.params().items() if name not in ("sort", "cursor")}

    def complete_link(self) -> str:
        """Return where the words being typed into the filter are completed."""
        return complete_link(self.project, self.params(), "calls")

    def export_link(self, form: str, start_ns: int, end_ns: int) -> str:
        """Return where all that is listed, not one page of it, is downloaded as a file."""
        said = {"format": form, "filter": self.terms, "from": stamp(start_ns), "to": stamp(end_ns)}
        sort = None if self.listing.sort == "-time" else self.listing.sort
        return url("/api/v1/spans/export", self.project, {**said, "sort": sort})


@dataclass(frozen=True, slots=True)
class CallLine:
    """One row of the table: the call and what is derived for showing it."""

    call: Call
    href: str
    trace_href: str
    share: float
    """Its latency as percent of the longest on the page."""
    slow: bool


@dataclass(frozen=True, slots=True)
class Tab:
    """Some of the calls of the range, and how many they are where that is known."""

    words: str
    href: str
    count: str
    current: bool


def read_call_list(project: str, params: Mapping[str, str], clock: Clock) -> CallList:
    """Return the list that the URL's parameters ask for; what is not understood falls back."""
    listing = replace(read(project, params, clock, CALL_SORTS), live=False, columns="")
    only = params.get("only", ALL)
    return CallList(listing, only if only in CALLS else ALL)


def tabs(state: CallList, measured: Measured, count: int | None) -> tuple[Tab, ...]:
    """Return what the calls of the range can be narrowed to; *count* is how many are listed."""
    found = []
    for calls in CALLS.values():
        n = count if calls.key == state.only else calls.count(measured)
        more = "+" if measured.newest_only and calls.key != SPANS else ""
        words = "" if n is None else f"{n:,}{more}"
        found.append(Tab(calls.words, state.link(only=calls.key, sort="-time"), words, calls.key == state.only))
    return tuple(found)


def facts(only: str, measured: Measured) -> tuple[str, ...]:
    """Return what the listed calls come to, in words."""
    sums, latency, ttft = measured.sums, measured.latency, measured.ttft
    each = round(sums.cost_nusd / sums.priced) if sums.priced else None
    share = fmt.percent(sums.errors / sums.calls) if sums.calls else ""
    said = {
        "all": (
            f"{sums.errors:,} failed",
            fmt.money(sums.known_cost_nusd),
            f"p50 {fmt.duration(latency.p50_ms)}",
            f"p95 {fmt.duration(latency.p95_ms)}",
        ),
        "failed": (f"{share} of {fmt.plural(sums.calls, 'call')}",),
        "priced": (fmt.money(sums.known_cost_nusd), f"{fmt.money(each)} each"),
        "unpriced": (f"of {fmt.plural(sums.counted, 'call')} that used tokens",),
        "tokens": (f"{fmt.tokens(sums.usage.input_tokens)} in", f"{fmt.tokens(sums.usage.output_tokens)} out"),
        "ttft": (f"p50 {fmt.duration(ttft.p50_ms)}", f"p95 {fmt.duration(ttft.p95_ms)}"),
    }
    return said.get(only, ())


def facts_of_spans(tallied: Tallied) -> tuple[str, ...]:
    """Return what listed spans of every kind come to, in words."""
    sums, latency = tallied.sums, tallied.latency
    return (
        f"{sums.errors:,} failed",
        fmt.money(sums.known_cost_nusd),
        f"p50 {fmt.duration(latency.p50_ms)}",
        f"p95 {fmt.duration(latency.p95_ms)}",
    )


def line_of(listing: Listing, call: Call, longest: float, p95_ms: float | None) -> CallLine:
    """Return one call as a row of the table, its latency measured by the longest on the page."""
    href = url(f"/traces/{call.trace_id}", listing.project)
    return CallLine(
        call=call,
        href=f"{href}{'&' if '?' in href else '?'}span={call.span_id}",
        trace_href=href,
        share=round(min(call.duration_ms / (longest or 1.0), 1.0) * 100, 1),
        slow=p95_ms is not None and call.duration_ms > p95_ms,
    )
