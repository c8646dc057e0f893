"""The public JSON of a span, a trace and an annotation, as every answer and export writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..odd_numbers import in_words, is_odd
from ..record import (
    NANO,
    Annotation,
    Attributes,
    Cost,
    Event,
    PromptUse,
    Reading,
    Record,
    Span,
    Tool,
    TraceSummary,
    Usage,
)
from ..store.base import SessionSummary

Object = dict[str, Any]


def rfc3339(at_ns: int) -> str:
    """Return a moment in UTC with nanoseconds, such as ``2026-11-23T19:23:37.204000000Z``."""
    seconds, nanos = divmod(at_ns, NANO)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


def span_record(record: Record, annotations: Iterable[Annotation] = ()) -> Object:
    """Return the SpanRecord of the public contract; ``None`` is unsaid, and what JSON has no number for is in words."""
    span, reading = record.span, record.reading
    said = {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": record.name,
        "span_name": span.name,
        "kind": record.kind,
        "start_time": rfc3339(span.start_ns),
        "end_time": rfc3339(span.end_ns),
        "duration_ms": record.duration_ms,
        "status": span.status,
        "status_message": span.status_message or reading.status_message,
        "error_type": reading.error_type,
        **_meaning(reading),
        "cost": cost(record.cost),
        "unpriced": record.unpriced,
        "annotations": [annotation(a) for a in annotations],
        **_as_sent(record),
    }
    return in_words(said) if _has_odd_numbers(span) else said


def _has_odd_numbers(span: Span) -> bool:
    owned = *(event.attributes for event in span.events), *(link.attributes for link in span.links)
    return any(map(is_odd, (span.attributes, span.resource, span.scope.attributes, *owned)))


def _meaning(reading: Reading) -> Object:
    return {
        "dialect": reading.dialect,
        "provider": reading.provider,
        "request_model": reading.request_model,
        "model": reading.model,
        "operation": reading.operation,
        "response_id": reading.response_id,
        "params": dict(reading.params or {}),
        "usage": usage(reading.usage),
        "usage_estimated_by": reading.usage_estimated_by,
        "ttft_ms": reading.ttft_ms,
        "finish_reasons": list(reading.finish_reasons or ()),
        "input": reading.input,
        "output": reading.output,
        "input_messages": _list(reading.input_messages),
        "output_messages": _list(reading.output_messages),
        "tool": tool(reading.tool),
        "tool_definitions": _list(reading.tool_definitions),
        "documents": _list(reading.documents),
        "session_id": reading.session_id,
        "user_id": reading.user_id,
        "tags": list(reading.tags or ()),
        "metadata": dict(reading.metadata or {}),
        "environment": reading.environment,
        "release": reading.release,
        "service": reading.service,
        "prompt": prompt(reading.prompt),
        "mapped_by": dict(reading.mapped_by),
    }


def _as_sent(record: Record) -> Object:
    span = record.span
    return {
        "events": [event(e) for e in span.events],
        "links": [{"trace_id": k.trace_id, "span_id": k.span_id, "attributes": dict(k.attributes)} for k in span.links],
        "attributes": dict(span.attributes),
        "resource": dict(span.resource),
        "scope": {
            "name": span.scope.name,
            "version": span.scope.version,
            "attributes": dict(span.scope.attributes),
        },
    }


def trace_summary(trace: TraceSummary, annotations: Iterable[Annotation] = ()) -> Object:
    """Return the TraceSummary of the public contract; ``None`` is unsaid."""
    return {
        "trace_id": trace.trace_id,
        "name": trace.name,
        "root_kind": trace.root_kind,
        "start_time": rfc3339(trace.start_ns),
        "end_time": rfc3339(trace.end_ns),
        "duration_ms": trace.duration_ms,
        "status": trace.status,
        "span_count": trace.span_count,
        "error_count": trace.error_count,
        "llm_count": trace.llm_count,
        "models": list(trace.models),
        "usage": usage(trace.usage),
        "cost_usd": trace.cost_usd,
        "unpriced_count": trace.unpriced_count,
        "ttft_ms": trace.ttft_ms,
        "session_id": trace.session_id,
        "user_id": trace.user_id,
        "tags": list(trace.tags),
        "environment": trace.environment,
        "input_preview": trace.input_preview,
        "output_preview": trace.output_preview,
        "prompts": list(trace.prompts),
        "has_root": trace.has_root,
        "annotations": [annotation(a) for a in annotations],
    }


def session_summary(session: SessionSummary) -> Object:
    """Return the SessionSummary of the public contract; ``None`` is unsaid."""
    return {
        "session_id": session.session_id,
        "name": session.name,
        "trace_count": session.turns,
        "error_count": session.errors,
        "start_time": rfc3339(session.start_ns),
        "end_time": rfc3339(session.end_ns),
        "total_tokens": session.total_tokens,
        "cost_usd": _usd(session.cost_nusd),
        "unpriced_count": session.unpriced_count,
        "models": list(session.models),
        "user_id": session.user_id,
        "environment": session.environment,
        "input_preview": session.input_preview,
        "output_preview": session.output_preview,
    }


def annotation(given: Annotation) -> Object:
    """Return the annotation of the public contract."""
    return {
        "id": given.id,
        "name": given.name,
        "target": {"trace_id": given.trace_id, "span_id": given.span_id},
        "label": given.label,
        "score": given.score,
        "explanation": given.explanation,
        "correction": given.correction,
        "codes": list(given.codes),
        "annotator": {"kind": given.annotator.kind, "id": given.annotator.id},
        "source": given.source,
        "metadata": dict(given.metadata or {}),
        "created_at": rfc3339(given.created_ns),
        "updated_at": rfc3339(given.updated_ns),
    }


def usage(given: Usage | None) -> Object | None:
    """Return totals in OpenTelemetry's meaning and the buckets that do not overlap."""
    if given is None:
        return None
    return {
        "input_tokens": given.input_tokens,
        "output_tokens": given.output_tokens,
        "total_tokens": given.total_tokens,
        "cache_read_tokens": given.cache_read,
        "cache_write_tokens": given.cache_write,
        "reasoning_tokens": given.reasoning,
        "input_uncached_tokens": given.input_uncached,
        "input_audio_tokens": given.input_audio,
        "input_image_tokens": given.input_image,
        "output_visible_tokens": given.output_visible,
        "output_audio_tokens": given.output_audio,
        "output_image_tokens": given.output_image,
    }


def cost(given: Cost | None) -> Object | None:
    """Return a cost in dollars; ``None`` is unpriced, never 0."""
    if given is None:
        return None
    return {
        "input_usd": _usd(given.input_nusd),
        "output_usd": _usd(given.output_nusd),
        "total_usd": given.total_usd,
        "source": given.source,
        "price_id": given.price_id,
    }


def tool(given: Tool | None) -> Object | None:
    """Return one execution of a tool."""
    if given is None:
        return None
    return {"name": given.name, "call_id": given.call_id, "arguments": given.arguments, "result": given.result}


def prompt(given: PromptUse | None) -> Object | None:
    """Return the prompt a call was made with."""
    if given is None:
        return None
    return {
        "name": given.name,
        "version": given.version,
        "hash": given.hash,
        "template": given.template,
        "variables": None if given.variables is None else dict(given.variables),
    }


def event(given: Event) -> Object:
    """Return one event of a span."""
    return {"time": rfc3339(given.time_ns), "name": given.name, "attributes": dict(given.attributes)}


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO


def _list(values: Iterable[Attributes] | None) -> list[Mapping[str, Any]]:
    return [dict(value) for value in values or ()]
