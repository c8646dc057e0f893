"""Decode OTLP protobuf: parsed in C, then walked once."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from ..errors import SpanwiseError
from ..record import Attributes, Event, Link, Scope, Span
from .batch import STATUSES, BadSpan, Batch, parent_id, span_id, times

BYTES_MARK: Final = "base64:"


def decode(body: bytes) -> Batch:
    """Return what *body*, an ``ExportTraceServiceRequest``, carries."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise SpanwiseError(
            "The body is not an OTLP protobuf message of traces.",
            "Send an ExportTraceServiceRequest, or set Content-Type to application/json if it is JSON.",
        ) from error
    batch = Batch()
    for resource_spans in request.resource_spans:
        resource = attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = _scope(scope_spans.scope)
            for message in scope_spans.spans:
                try:
                    batch.spans.append(_span(message, resource, scope))
                except BadSpan as reason:  # noqa: PERF203 - a bad span costs itself, not the batch
                    batch.refuse(message.name, str(reason))
    return batch


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Return key-value pairs as a dictionary; of a repeated key the last value counts."""
    found: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        found[pair.key] = value.string_value or _value(value)  # text is by far the commonest
    return found


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return BYTES_MARK + base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def _scope(message: InstrumentationScope) -> Scope:
    return Scope(message.name, message.version, attributes(message.attributes))


def _span(message: SpanMessage, resource: Attributes, scope: Scope) -> Span:
    start_ns, end_ns = times(message.start_time_unix_nano, message.end_time_unix_nano)
    status = message.status
    code = status.code
    return Span(
        trace_id=span_id(message.trace_id.hex(), 32, "trace id"),
        span_id=span_id(message.span_id.hex(), 16, "span id"),
        parent_span_id=parent_id(message.parent_span_id.hex()),
        name=message.name,
        start_ns=start_ns,
        end_ns=end_ns,
        status=STATUSES[code] if 0 <= code <= 2 else "unset",
        status_message=status.message or None,
        attributes=attributes(message.attributes),
        resource=resource,
        scope=scope,
        events=tuple([Event(e.time_unix_nano, e.name, attributes(e.attributes)) for e in message.events]),
        links=tuple([Link(k.trace_id.hex(), k.span_id.hex(), attributes(k.attributes)) for k in message.links]),
        otel_kind=message.kind,
        trace_state=message.trace_state,
    )
