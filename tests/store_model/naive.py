"""A filter asked of records one by one, by the language's words and nothing of the store's code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt

from spanwise_server.query.filters import And, Filter, Not, OneSpan, Or, Term, Text
from spanwise_server.record import Record, TraceSummary

COMPARE = {"=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}


def trace_matches(
    filter_: Filter, summary: TraceSummary, records: Sequence[Record], labels: Iterable[str] = ()
) -> bool:
    """Return whether a trace matches."""

    def holds(term: Term) -> bool:
        usage = summary.usage
        numbers = {
            "cost": summary.cost_usd,
            "latency": summary.duration_ms,
            "ttft": summary.ttft_ms,
            "tokens": None if usage is None else usage.total_tokens,
        }
        of_trace = {"status": [summary.status], "tag": summary.tags, "label": labels, "trace": [summary.trace_id]}
        if term.field in numbers:
            return _compared(term, numbers[term.field])
        if term.field.startswith("attr."):
            return any(_has_attribute(term, record) for record in records)
        if term.field in of_trace:
            return _said(term, of_trace[term.field])
        own = [summary.name] if term.field == "name" else []
        return _said(term, [*own, *(value for record in records for value in _values(record)[term.field])])

    return _matches(filter_, holds, records, lambda part: _has_span(part, summary, records))


def span_matches(filter_: Filter, record: Record, trace: TraceSummary, records: Sequence[Record]) -> bool:
    """Return whether a span of a trace of *records* matches."""

    def holds(term: Term) -> bool:
        reading = record.reading
        numbers = {
            "cost": None if record.cost is None else record.cost.total_usd,
            "latency": record.duration_ms,
            "ttft": reading.ttft_ms,
            "tokens": None if reading.usage is None else reading.usage.total_tokens,
        }
        else_trace = {
            "user": [reading.user_id or trace.user_id],
            "env": [reading.environment or trace.environment],
            "session": [reading.session_id or trace.session_id],
            "tag": trace.tags,
            "status": [record.span.status],
            "trace": [trace.trace_id],
        }
        if term.field in numbers:
            return _compared(term, numbers[term.field])
        if term.field.startswith("attr."):
            return _has_attribute(term, record)
        return _said(term, else_trace.get(term.field) or _values(record).get(term.field, []))

    return _matches(filter_, holds, [record], lambda part: _has_span(part, trace, records))


def _has_span(part: OneSpan, trace: TraceSummary, records: Sequence[Record]) -> bool:
    asked = [record for record in records if part.which == "any" or record.span.parent_span_id is None]
    return any(span_matches(part.of, record, trace, records) for record in asked)


def _matches(
    filter_: Filter, holds: Callable[[Term], bool], records: Sequence[Record], has_span: Callable[[OneSpan], bool]
) -> bool:
    if isinstance(filter_, And):
        return all(_matches(part, holds, records, has_span) for part in filter_.all)
    if isinstance(filter_, Or):
        return any(_matches(part, holds, records, has_span) for part in filter_.any)
    if isinstance(filter_, Not):
        return not _matches(filter_.of, holds, records, has_span)
    if isinstance(filter_, OneSpan):
        return has_span(filter_)
    if isinstance(filter_, Text):
        return any(_has(record, filter_.phrase) for record in records)
    return holds(filter_)


def _values(record: Record) -> Mapping[str, list[str | None]]:
    reading = record.reading
    prompt = reading.prompt
    return {
        "kind": [record.kind], "name": [record.name], "model": [reading.model or reading.request_model],
        "provider": [reading.provider], "error": [reading.error_type],
        "price": [None if record.cost is None or record.cost.source == "priced" else record.cost.source],
        "user": [reading.user_id],
        "session": [reading.session_id], "env": [reading.environment],
        "prompt": [] if prompt is None else [prompt.name, f"{prompt.name}@{prompt.version}"],
    }  # fmt: skip


def _said(term: Term, values: Iterable[str | None]) -> bool:
    said = [value for value in values if value is not None]
    if term.operator == "=":
        return any(value in term.values for value in said)
    patterns = [str(pattern).replace("[", "[[]").replace("?", "[?]") for pattern in term.values]
    return any(fnmatchcase(value, pattern) for value in said for pattern in patterns)


def _has_attribute(term: Term, record: Record) -> bool:
    value = record.span.attributes.get(term.field.removeprefix("attr."))
    if isinstance(term.values[0], float):
        return isinstance(value, int | float) and _compared(term, value)
    return _said(term, value if isinstance(value, list | tuple) else [None if value is None else str(value)])


def _compared(term: Term, value: float | None) -> bool:
    return value is not None and any(COMPARE[term.operator](round(value, 9), n) for n in term.values)


def _has(record: Record, phrase: str) -> bool:
    parts = [
        record.span.name,
        record.name,
        record.reading.error_type or "",
        *map(str, _strings(record.reading.input_messages)),
    ]
    wanted = " ".join(re.findall(r"[a-z0-9]+", phrase.lower()))
    return any(f" {wanted} " in f" {' '.join(re.findall(r'[a-z0-9]+', part.lower()))} " for part in parts)


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
