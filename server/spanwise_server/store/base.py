"""What a store promises; one contract test runs over every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..outline import Outline
from ..query.calls import Call
from ..query.filters import Query
from ..query.measures import CallPoint, Measured, SessionCosts, Steps, Tallied
from ..record import Annotation, Record, TraceSummary

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some answers in order, and where the next ones and the ones before begin."""

    items: tuple[T, ...]
    next_cursor: str | None = None
    previous_cursor: str | None = None
    of_newest: int | None = None
    """How many of the newest were put in order; ``None`` where all were."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many match; *exact* is False where counting stopped at *n*."""

    n: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Totals:
    """What stands above a list of traces."""

    traces: Count
    errors: int
    cost_nusd: int | None
    latency_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the histogram over time; the first nanosecond is included, the last is not."""

    from_ns: int
    to_ns: int
    ok: int
    errors: int


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a field and how many traces have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Used:
    """What a project takes of the store."""

    bytes: int
    spans: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a project keeps: the traces from a moment on, and perhaps older ones that were labelled."""

    from_ns: int
    labelled: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace whole: its summary, and its spans in the order they started."""

    summary: TraceSummary
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a trace is, and which state of it this is."""

    spans: int
    revision: str
    """Another one after every write that touched the trace."""


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One session: its traces together, what was asked first and answered last."""

    session_id: str
    turns: int
    """How many traces it has."""
    errors: int
    start_ns: int
    end_ns: int
    cost_nusd: int | None
    unpriced_count: int
    total_tokens: int | None
    name: str
    user_id: str | None
    environment: str | None
    input_preview: str | None
    output_preview: str | None
    models: tuple[str, ...]
    """Of its newest trace."""


class SpanStore(Protocol):
    """The large tables: spans, payloads, traces, rollups and their search index."""

    def write(self, records: Sequence[Record]) -> None:
        """Keep *records* in one durable transaction; a span that is there already is replaced, never counted twice."""

    def find_traces(self, query: Query) -> Page[TraceSummary]:
        """Return one page of traces, in any of the orders of ``orders.py``, with ``-`` for descending."""

    def find_spans(self, query: Query) -> Page[Record]:
        """Return one page of whole spans, newest first unless the query sorts otherwise."""

    def find_calls(self, query: Query) -> Page[Call]:
        """Return the same page as ``find_spans``, of each span what its row knows; quick."""

    def each_span(self, query: Query) -> Iterator[Record]:
        """Yield every matching span, whole, a page at a time."""

    def trace(self, project: str, trace_id: str) -> Trace | None:
        """Return one trace with its spans, or ``None``."""

    def extent(self, project: str, trace_id: str) -> Extent | None:
        """Return how many spans a trace has, and what tells this state of it from all others, or ``None``."""

    def outline(self, project: str, trace_id: str) -> Trace | None:
        """Return a trace as its tree shows it, or ``None``: spans without attributes, messages and events.

        The spans are an ``Outline``.
        """

    def outlines(self, project: str, trace_ids: Sequence[str]) -> Iterator[tuple[str, Outline]]:
        """Yield the ids of those traces that there are, in that order, each with its spans as ``outline`` has them."""

    def spans_of(self, project: str, trace_id: str, span_ids: Sequence[str]) -> tuple[Record, ...]:
        """Return some spans of a trace, whole, in the order they started."""

    def span(self, project: str, span_id: str, trace_id: str | None = None) -> Record | None:
        """Return one span, or ``None``; the newest where two traces share the id."""

    def find_sessions(self, query: Query) -> Page[SessionSummary]:
        """Return one page of sessions with a trace that *query* finds, the one with the newest such trace first.

        Other orders (``session_order.ORDERS``) are of all sessions. Where there are too many of them, or the filter
        asks what is not told of all traces at once, they are of the newest only, and the page says of how many.
        """

    def session_of(self, project: str, session_id: str) -> SessionSummary | None:
        """Return what all traces of a session come to, ``None`` where there is none."""

    def roots(self, project: str, trace_ids: Sequence[str]) -> Mapping[str, Record]:
        """Return the root span of each trace there is, by trace id."""

    def totals(self, query: Query) -> Totals:
        """Return the figures above the list; the count is exact when cheap."""

    def histogram(self, query: Query, bars: int) -> tuple[Bar, ...]:
        """Return traces over time in *bars* equal steps, empty ones too."""

    def facets(self, query: Query, fields: Sequence[str], limit: int = 5) -> Mapping[str, tuple[FacetValue, ...]]:
        """Return the commonest values of *fields*; a field's own terms do not narrow its counts."""

    def values(self, project: str, field: str, prefix: str, limit: int = 10) -> tuple[FacetValue, ...]:
        """Return values that exist and begin with *prefix*, for completion."""

    def measure(self, query: Query, by: str, steps: Steps, *, times: bool = True) -> Measured:
        """Return what the calls that *query* finds come to in each of *steps*, split *by* a key of ``SPLITS``.

        Without *times* there may be no percentiles in it.
        """

    def tally(
        self, query: Query, by: Sequence[str], *, traces: bool = False, percentiles: bool = False
    ) -> tuple[Tallied, ...]:
        """Return what all spans that *query* finds come to, *by* keys of ``KEYS``; without keys as one series."""

    def tally_of_days(self, query: Query) -> tuple[Tallied, tuple[Tallied, ...]]:
        """Return what all spans that *query* finds come to, with how many traces they are of, and the same by day."""

    def range_of_calls(self, project: str) -> tuple[int, int] | None:
        """Return the whole hours in which there are calls, ``None`` where there is none."""

    def session_costs(self, query: Query) -> SessionCosts:
        """Return what the newest priced calls that *query* finds cost by session."""

    def call_points(self, query: Query, most: int) -> tuple[CallPoint, ...]:
        """Return the newest answered calls that say how many tokens they gave."""

    def projects(self) -> tuple[str, ...]:
        """Return the names of the projects there are, in order."""

    def annotations(self, project: str, trace_ids: Sequence[str]) -> Mapping[str, tuple[Annotation, ...]]:
        """Return what was judged of these traces and their spans, by trace id, oldest first."""

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Keep judgements; one whose id is there already replaces it."""

    def unannotate(self, project: str, annotation_id: str) -> bool:
        """Take one judgement away; return whether it was there."""

    def delete_trace(self, project: str, trace_id: str) -> bool:
        """Take a trace and its spans away, out of every total; return whether it was there."""

    def delete_traces(self, project: str, trace_ids: Sequence[str]) -> int:
        """Take traces away in one transaction; return how many there were."""

    def drop_days(self, kept: Mapping[str, Kept]) -> int:
        """Take whole days away of which no project keeps anything, where that is at once; return how many traces."""

    def refusal(self) -> str | None:
        """Return why nothing can be written now, such as a full disk, or ``None``."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown: never the secret itself."""

    id: int
    project: str
    name: str
    prefix: str
    rights: frozenset[str]
    created_ns: int
    last_used_ns: int | None = None
    revoked_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """A browser that is logged in."""

    user_id: int | None = None
    """Whose account it is; ``None`` for the shared password."""


class AccessStore(Protocol):
    """The small tables that say who may come in."""

    def create_key(self, project: str, name: str, rights: frozenset[str]) -> tuple[ApiKey, str]:
        """Keep a new key and return it with its secret, which nothing can show again."""

    def find_key(self, secret: str) -> ApiKey | None:
        """Return the key with this secret unless it was revoked; note that it was used, at most once a minute."""

    def keys(self, project: str | None = None) -> tuple[ApiKey, ...]:
        """Return the keys of one project, or of all."""

    def revoke_key(self, key_id: int) -> bool:
        """Make a key useless; return whether it was there and in use."""

    def setting(self, name: str) -> str | None:
        """Return a kept setting, or ``None``."""

    def keep_setting(self, name: str, value: str) -> None:
        """Keep a setting."""

    def settled(self, name: str, value: str) -> str:
        """Return a kept setting; where there is none, *value*, which is kept: the same for all who ask at once."""

    def log_in(self, token: str, expires_ns: int, user_id: int | None = None) -> None:
        """Remember the hash of a browser's *token*, and whose it is, until it expires."""

    def login(self, token: str) -> Login | None:
        """Return the login of the browser with *token*, ``None`` where it is not logged in."""

    def log_out(self, token: str) -> None:
        """Forget one browser."""
