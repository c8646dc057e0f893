"""A filter asked of records one by one, by the language's words and nothing of the store's code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt

from spanwise_server.query.filters import And, Filter, Not, Or, Term, Text
from spanwise_server.record import Record, TraceSummary

COMPARE = {"=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}


def trace_matches(
    filter_: Filter, summary: TraceSummary, records: Sequence[Record], labels: Iterable[str] = ()
) -> bool:
    """Return whether a trace matches."""
    if isinstance(filter_, And):
        return all(trace_matches(part, summary, records, labels) for part in filter_.all)
    if isinstance(filter_, Or):
        return any(trace_matches(part, summary, records, labels) for part in filter_.any)
    if isinstance(filter_, Not):
        return not trace_matches(filter_.of, summary, records, labels)
    if isinstance(filter_, Text):
        return any(_has(record, filter_.phrase) for record in records)
    numbers = {
        "cost": summary.cost_usd,
        "latency": summary.duration_ms,
        "tokens": None if summary.usage is None else summary.usage.total_tokens,
    }
    if filter_.field in numbers:
        return _compared(filter_, numbers[filter_.field])
    of_trace = {"status": [summary.status], "tag": summary.tags, "label": labels, "trace": [summary.trace_id]}
    if filter_.field in of_trace:
        return _said(filter_, of_trace[filter_.field])
    if filter_.field == "name" and _said(filter_, [summary.name]):
        return True
    return any(_said(filter_, _values(record)[filter_.field]) for record in records)


def span_matches(filter_: Filter, record: Record, trace: TraceSummary) -> bool:
    """Return whether a span matches."""
    if isinstance(filter_, And):
        return all(span_matches(part, record, trace) for part in filter_.all)
    if isinstance(filter_, Or):
        return any(span_matches(part, record, trace) for part in filter_.any)
    if isinstance(filter_, Not):
        return not span_matches(filter_.of, record, trace)
    if isinstance(filter_, Text):
        return _has(record, filter_.phrase)
    usage = record.reading.usage
    numbers = {
        "cost": None if record.cost is None else record.cost.total_usd,
        "latency": record.duration_ms,
        "tokens": None if usage is None else usage.total_tokens,
    }
    if filter_.field in numbers:
        return _compared(filter_, numbers[filter_.field])
    else_trace = {
        "user": [record.reading.user_id or trace.user_id],
        "env": [record.reading.environment or trace.environment],
        "session": [record.reading.session_id or trace.session_id],
        "tag": trace.tags,
        "status": [record.span.status],
        "trace": [trace.trace_id],
    }
    return _said(filter_, else_trace.get(filter_.field) or _values(record).get(filter_.field, []))


def _values(record: Record) -> Mapping[str, list[str | None]]:
    reading = record.reading
    prompt = reading.prompt
    return {
        "kind": [record.kind], "name": [record.name], "model": [reading.model or reading.request_model],
        "provider": [reading.provider], "error": [reading.error_type], "user": [reading.user_id],
        "session": [reading.session_id], "env": [reading.environment],
        "prompt": [] if prompt is None else [prompt.name, f"{prompt.name}@{prompt.version}"],
    }  # fmt: skip


def _said(term: Term, values: Iterable[str | None]) -> bool:
    said = [value for value in values if value is not None]
    if term.operator == "=":
        return any(value in term.values for value in said)
    patterns = [str(pattern).replace("[", "[[]").replace("?", "[?]") for pattern in term.values]
    return any(fnmatchcase(value, pattern) for value in said for pattern in patterns)


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
