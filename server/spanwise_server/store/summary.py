"""What a trace comes to: pure, from the rows of its spans, whatever order they came in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

import orjson

from ..record import MODEL_KINDS
from .calls import calls_of
from .rows import ERROR, SpanRow, buckets_of, has_usage, is_unpriced, prompt_label, shows_both

T = TypeVar("T")


@dataclass(slots=True)  # a frozen one sets each field by a call
class Summary:
    """The summary of one trace, and which of its spans its tokens and cost are summed over."""

    name: str
    root_kind: str
    start_ns: int
    duration_ns: int
    status: int
    span_count: int
    error_count: int
    llm_count: int
    models: tuple[str, ...]
    buckets: tuple[int | None, ...]
    total_tokens: int | None
    cost_nusd: int | None
    unpriced_count: int
    ttft_ms: float | None
    session_id: str | None
    user_id: str | None
    tags: tuple[str, ...]
    environment: str | None
    input_preview: str | None
    output_preview: str | None
    prompts: tuple[str, ...]
    has_root: int
    counted: AbstractSet[bytes]
    root: SpanRow

    @property
    def root_shows_all(self) -> bool:
        """Whether the previews of the trace are those of its root, so that nobody asks for those of other spans."""
        return bool(self.has_root) and shows_both(self.root)

    @property
    def columns(self) -> tuple[object, ...]:
        """The columns of ``traces`` from ``name`` on."""
        return (
            self.name, self.root_kind, self.start_ns, self.duration_ns, self.status,
            self.span_count, self.error_count, self.llm_count, _json(self.models), *self.buckets, self.total_tokens,
            self.cost_nusd, self.unpriced_count, self.ttft_ms, self.session_id, self.user_id, _json(self.tags),
            self.environment, self.input_preview, self.output_preview, _json(self.prompts), self.has_root,
        )  # fmt: skip


def summarise(spans: Iterable[SpanRow]) -> Summary:
    """Return the summary of a trace of at least one span.

    The root is the earliest span without a parent, else the earliest whose parent has not come. The trace ended as
    its root did: a step that failed and was made up for fails nothing. Where the root is missing, one failed span
    makes it an error.
    """
    rows = sorted(spans, key=lambda row: (row.start_ns, row.span_id))
    by_id = {row.span_id: row for row in rows}
    calls = calls_of(rows, by_id)
    counted = [row for row in calls if has_usage(row)] or highest_with_usage(rows, by_id)
    root, has_root = _root(rows, by_id)
    first = [root, *rows]
    errors = [row for row in rows if row.status == ERROR]
    status = ERROR if errors and not has_root else root.status
    start_ns = rows[0].start_ns
    failed = next((row.error_message or row.error_type for row in errors if row.error_message or row.error_type), None)
    output = root.output_preview or _first(row.output_preview for row in reversed(rows))
    return Summary(
        name=_first(row.trace_name for row in first) or root.name,
        root_kind=root.kind,
        start_ns=start_ns,
        duration_ns=max(row.start_ns + row.duration_ns for row in rows) - start_ns,
        status=status,
        span_count=len(rows),
        error_count=len(errors),
        llm_count=sum(row.kind == "llm" for row in calls),
        models=_distinct(row.model for row in rows if row.kind in MODEL_KINDS),
        buckets=_bucket_sums(counted),
        total_tokens=total([row.total_tokens for row in counted]),
        cost_nusd=total([row.cost_nusd for row in counted]),
        unpriced_count=sum(map(is_unpriced, counted)),
        ttft_ms=_first(row.ttft_ms for row in calls),
        session_id=_first(row.session_id for row in first),
        user_id=_first(row.user_id for row in first),
        tags=_distinct(tag for row in first if row.tags is not None for tag in orjson.loads(row.tags)),
        environment=_first(row.environment for row in first),
        input_preview=_first(row.input_preview for row in first),
        output_preview=failed if status == ERROR and failed is not None else output,
        prompts=_distinct(map(prompt_label, rows)),
        has_root=int(has_root),
        counted=frozenset(row.span_id for row in counted),
        root=root,
    )


def highest_with_usage(rows: Sequence[SpanRow], by_id: Mapping[bytes, SpanRow]) -> list[SpanRow]:
    """Return the spans with usage that lie under no other span with usage."""
    spending = {row.span_id for row in rows if has_usage(row)}
    if not spending:
        return []
    clear: set[bytes] = set()
    return [row for row in rows if row.span_id in spending and not _lies_under(row, by_id, spending, clear)]


def _lies_under(row: SpanRow, by_id: Mapping[bytes, SpanRow], spending: set[bytes], clear: set[bytes]) -> bool:
    """Return whether an ancestor spends; *clear* gathers the spans found to have none, so no path is walked twice."""
    path: list[bytes] = []
    seen = {row.span_id}
    parent = row.parent_id
    while parent is not None and parent in by_id and parent not in seen and parent not in clear:
        if parent in spending:
            return True
        seen.add(parent)
        path.append(parent)
        parent = by_id[parent].parent_id
    clear.update(path)
    return False


def _root(rows: Sequence[SpanRow], by_id: Mapping[bytes, SpanRow]) -> tuple[SpanRow, bool]:
    for row in rows:
        if row.parent_id is None:
            return row, True
    return next((row for row in rows if row.parent_id not in by_id), rows[0]), False


def _bucket_sums(rows: Sequence[SpanRow]) -> tuple[int | None, ...]:
    if len(rows) == 1:
        return buckets_of(rows[0])
    if not rows:
        return (None,) * 10
    return tuple(map(total, zip(*map(buckets_of, rows), strict=True)))


def total(counts: Sequence[int | None]) -> int | None:
    """Return the sum of what was said, ``None`` where nothing was."""
    said = [count for count in counts if count is not None]
    return sum(said) if said else None


def _first(values: Iterable[T | None]) -> T | None:
    for value in values:
        if value is not None:
            return value
    return None


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _json(values: tuple[str, ...]) -> str | None:
    return orjson.dumps(values).decode() if values else None
