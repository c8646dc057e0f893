"""The records that flow through the server: frozen, plain, free of any database and any protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from operator import attrgetter
from typing import Any, Final, Literal

from .frozen import dataclass

Status = Literal["ok", "error", "unset"]
CostSource = Literal["priced", "reported", "estimated"]
Json = Any
Attributes = Mapping[str, Any]
NOTHING: Final[Attributes] = {}

#: Every kind a span can be read as; ``span`` is one that says nothing of a model.
KINDS: Final = (
    "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain",
    "guardrail", "evaluator", "prompt", "memory", "mcp", "span",
)  # fmt: skip
#: The kinds that carry usage of their own, which trace totals are summed over.
MODEL_KINDS: Final = frozenset({"llm", "embedding", "reranker"})
#: Nano-dollars in a dollar: money is kept in whole nano-dollars so that sums are exact.
NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Scope:
    """The instrumentation library that made a span."""

    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at one moment of a span."""

    time_ns: int
    name: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A pointer from one span to another."""

    trace_id: str
    span_id: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """One span exactly as it was sent: ids in lower-case hex, times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    start_ns: int
    end_ns: int
    status: Status = "unset"
    status_message: str | None = None
    attributes: Attributes = field(default_factory=dict)
    resource: Attributes = field(default_factory=dict)
    scope: Scope = Scope()
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    otel_kind: int = 0
    trace_state: str = ""


@dataclass(frozen=True, slots=True)
class SpanLog:
    """A log record that belongs to a span: an event of it that is sent on its own, before the span or after it."""

    project: str
    trace_id: str
    span_id: str
    event: Event
    media: tuple[str, ...] = ()
    """As of a record."""


_NO_BUCKETS: Final = (None,) * 10


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts in buckets that do not overlap; ``None`` is unsaid, 0 is said."""

    input_uncached: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    input_audio: int | None = None
    input_image: int | None = None
    output_visible: int | None = None
    reasoning: int | None = None
    output_audio: int | None = None
    output_image: int | None = None
    unsplit: int | None = None
    """Tokens known only as a total of input and output."""

    @property
    def input_tokens(self) -> int | None:
        """All input, cached input included (OpenTelemetry's meaning)."""
        return _sum(self.input_uncached, self.cache_read, self.cache_write, self.input_audio, self.input_image)

    @property
    def output_tokens(self) -> int | None:
        """All output, reasoning included (OpenTelemetry's meaning)."""
        return _sum(self.output_visible, self.reasoning, self.output_audio, self.output_image)

    @property
    def total_tokens(self) -> int | None:
        """Input and output together, or the total where nothing finer was said."""
        return _sum(self.input_tokens, self.output_tokens, self.unsplit)

    @classmethod
    def from_totals(
        cls,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        total_tokens: int | None = None,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
        input_audio: int | None = None,
        output_audio: int | None = None,
        input_image: int | None = None,
        output_image: int | None = None,
        input_includes_cache: bool = True,
        output_includes_reasoning: bool = True,
    ) -> Usage | None:
        """Return exclusive buckets from totals, or ``None`` where no count was said.

        Where the cache counts exceed the input they cannot be inside it, whatever the dialect promises.
        """
        cached = (cache_read or 0) + (cache_write or 0)
        uncached = input_tokens
        if input_tokens is not None:
            inside = (input_audio or 0) + (input_image or 0)
            if input_includes_cache and cached <= input_tokens:
                inside += cached
            uncached = max(0, input_tokens - inside)
        visible = output_tokens
        if output_tokens is not None:
            inside = (output_audio or 0) + (output_image or 0)
            if output_includes_reasoning and (reasoning or 0) <= output_tokens:
                inside += reasoning or 0
            visible = max(0, output_tokens - inside)
        said_split = input_tokens is not None or output_tokens is not None
        unsplit = None if said_split else total_tokens
        buckets = (
            uncached, cache_read, cache_write, input_audio, input_image,
            visible, reasoning, output_audio, output_image, unsplit,
        )  # fmt: skip
        return None if buckets == _NO_BUCKETS else cls(*buckets)

    def __add__(self, other: Usage) -> Usage:
        """Return both together, bucket by bucket; a bucket neither says stays unsaid."""
        return Usage(*map(_added, _buckets_of(self), _buckets_of(other)))


_buckets_of: Final = attrgetter(*(bucket.name for bucket in fields(Usage)))


def _added(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _sum(*counts: int | None) -> int | None:
    said = [count for count in counts if count is not None]
    return sum(said) if said else None


@dataclass(frozen=True, slots=True)
class Tool:
    """One execution of a tool."""

    name: str | None = None
    call_id: str | None = None
    arguments: Json = None
    result: Json = None


@dataclass(frozen=True, slots=True)
class PromptUse:
    """Which prompt a call was made with; *version* is its number, else its content hash."""

    name: str
    version: str | None = None
    hash: str | None = None
    template: Json = None
    variables: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a span means, whichever dialect said it; ``None`` means unsaid.

    Messages are OpenTelemetry GenAI message objects: ``{"role", "parts": [{"type", ...}], "finish_reason"?}``.
    """

    kind: str | None = None
    name: str | None = None
    trace_name: str | None = None
    operation: str | None = None
    provider: str | None = None
    request_model: str | None = None
    model: str | None = None
    response_id: str | None = None
    params: Mapping[str, Any] | None = None
    input_messages: tuple[Mapping[str, Any], ...] | None = None
    output_messages: tuple[Mapping[str, Any], ...] | None = None
    input: Json = None
    output: Json = None
    tool: Tool | None = None
    tool_definitions: tuple[Mapping[str, Any], ...] | None = None
    documents: tuple[Mapping[str, Any], ...] | None = None
    usage: Usage | None = None
    usage_estimated_by: str | None = None
    """What counted the tokens, where the provider did not: the name of a tokenizer, or ``length``."""
    reported_cost_usd: float | None = None
    reported_input_cost_usd: float | None = None
    reported_output_cost_usd: float | None = None
    ttft_ms: float | None = None
    finish_reasons: tuple[str, ...] | None = None
    error_type: str | None = None
    status_message: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    tags: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] | None = None
    environment: str | None = None
    release: str | None = None
    service: str | None = None
    prompt: PromptUse | None = None
    dialect: str | None = None
    """The most specific dialect that spoke."""
    mapped_by: Mapping[str, str] = field(default_factory=dict)
    """Field -> ``dialect: attribute`` that said it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost, in nano-dollars; ``source`` is ``estimated`` where the priced tokens are."""

    total_nusd: int
    input_nusd: int | None = None
    output_nusd: int | None = None
    source: CostSource = "priced"
    price_id: str | None = None
    """Provider, model and date of the price, such as ``openai/gpt-4o-mini@2026-11-01``."""

    @property
    def total_usd(self) -> float:
        """The total in dollars."""
        return self.total_nusd / NANO


@dataclass(frozen=True, slots=True)
class Record:
    """One span, what it means and what it cost: the only type that stores, pages and exports see."""

    project: str
    span: Span
    reading: Reading
    cost: Cost | None = None
    """``None`` where there is nothing to price or no price is known."""
    media: tuple[str, ...] = ()
    """Digests of the contents that left the span when it came; nothing of a span that was read back."""

    @property
    def kind(self) -> str:
        """The kind read, else ``span``."""
        return self.reading.kind or "span"

    @property
    def name(self) -> str:
        """The name to show: the one read, else the span's own."""
        return self.reading.name or self.span.name

    @property
    def duration_ms(self) -> float:
        """Milliseconds from start to end."""
        return (self.span.end_ns - self.span.start_ns) / 1e6

    @property
    def unpriced(self) -> bool:
        """Whether tokens were used at a price nobody knows."""
        return self.cost is None and self.kind in MODEL_KINDS and self.reading.usage is not None


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace in a list: totals over its leaf model spans, and what its root says."""

    project: str
    trace_id: str
    name: str
    root_kind: str
    start_ns: int
    end_ns: int
    status: Status
    span_count: int
    error_count: int
    llm_count: int
    models: tuple[str, ...] = ()
    usage: Usage | None = None
    cost_nusd: int | None = None
    unpriced_count: int = 0
    ttft_ms: float | None = None
    session_id: str | None = None
    user_id: str | None = None
    tags: tuple[str, ...] = ()
    environment: str | None = None
    input_preview: str | None = None
    output_preview: str | None = None
    """The root's output, or the first error's message where the trace failed."""
    prompts: tuple[str, ...] = ()
    """``name@version`` of every prompt used."""
    has_root: bool = True
    """False while the span that starts the trace has not arrived."""

    @property
    def duration_ms(self) -> float:
        """Milliseconds from the first start to the last end."""
        return (self.end_ns - self.start_ns) / 1e6

    @property
    def cost_usd(self) -> float | None:
        """The total in dollars; ``None`` where nothing was priced."""
        return None if self.cost_nusd is None else self.cost_nusd / NANO


@dataclass(frozen=True, slots=True)
class Annotator:
    """Who judged: a person, a model or a program, and its name."""

    kind: Literal["human", "llm", "code"] = "human"
    id: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One judgement of a trace, or of one span of it."""

    id: str
    project: str
    name: str
    trace_id: str
    span_id: str | None = None
    label: str | None = None
    score: float | None = None
    explanation: str | None = None
    correction: Json = None
    annotator: Annotator = Annotator()
    created_ns: int = 0
    updated_ns: int = 0
    source: str = "api"
    """Where it came from: ``api``, ``sdk``, ``viewer``, ``otlp`` or ``queue:<id>``."""
    metadata: Mapping[str, Any] | None = None
    codes: tuple[str, ...] = ()
    """The failure modes that it was coded as, as they are called when it is read; never kept with it."""
