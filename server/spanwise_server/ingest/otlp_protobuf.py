"""Decode OTLP protobuf: scanned where that is compiled and the body plain, else parsed in C and then walked once."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from ..errors import SpanwiseError
from ..record import Attributes, Event, Link, Scope, Span
from .batch import STATUSES, BadSpan, Batch, Refusals, parent_id, span_id, times
from .salvage import Damaged, salvage
from .span_limits import SpanLimits, too_deep
from .wire import BYTES_MARK, COMPILED, scanned

M = TypeVar("M", bound=Message)
#: Number of the field that names a span.
_NAME: Final = 5


def decode(body: bytes, limits: SpanLimits) -> Batch:
    """Return what *body*, an ``ExportTraceServiceRequest``, carries."""
    found = scanned(body, limits) if COMPILED else None
    return walked(body, limits) if found is None else found


def walked(body: bytes, limits: SpanLimits) -> Batch:
    """Return what *body* carries, parsed and walked."""
    batch = Batch()
    request = parsed(body, ExportTraceServiceRequest, "traces", _NAME, batch)
    limits.check_count(sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans))
    depth, sizes = limits.depth, len(body) > limits.attribute_bytes
    for resource_spans in request.resource_spans:
        resource, bad_resource = said(resource_spans.resource.attributes, depth)
        for scope_spans in resource_spans.scope_spans:
            scope, bad = _scope(scope_spans.scope, depth)
            bad = bad_resource or bad
            for message in scope_spans.spans:
                if bad is not None:
                    batch.refuse(message.name, bad, scope.name)
                    continue
                try:
                    span = _span(message, resource, scope, depth)
                    limits.check(span, sizes=sizes)
                    batch.spans.append(span)
                except BadSpan as why:
                    batch.refuse(message.name, why, scope.name)
    return batch


def parsed(body: bytes, kind: type[M], signal: str, name_field: int, lost: Refusals) -> M:
    """Return *body* as a message of *kind*, without such spans in it as cannot be read: those are refused in *lost*."""
    try:
        try:
            return kind.FromString(body)
        except DecodeError:
            return kind.FromString(salvage(body, kind, name_field, lost))
    except (DecodeError, Damaged) as error:
        raise SpanwiseError(
            f"The body is not an OTLP protobuf message of {signal}.",
            f"Send an {kind.__name__}, or set Content-Type to application/json if it is JSON.",
        ) from error


def attributes(pairs: Iterable[KeyValue], depth: int) -> dict[str, Any]:
    """Return key-value pairs as a dictionary; of a repeated key the last value counts."""
    found: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        found[pair.key] = value.string_value or value_of(value, depth)  # text is by far the commonest
    return found


def said(pairs: Iterable[KeyValue], depth: int) -> tuple[dict[str, Any], BadSpan | None]:
    """Return the attributes of what many spans share, and why those cannot be kept where they cannot."""
    try:
        return attributes(pairs, depth), None
    except BadSpan as why:
        return {}, why


def value_of(value: AnyValue, depth: int) -> Any:
    """Return a value as plain Python, at most *depth* levels of it."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind in ("array_value", "kvlist_value"):
        if depth <= 0:
            raise too_deep()
        if kind == "array_value":
            return [value_of(item, depth - 1) for item in value.array_value.values]
        return attributes(value.kvlist_value.values, depth - 1)
    if kind == "bytes_value":
        return BYTES_MARK + base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def _scope(message: InstrumentationScope, depth: int) -> tuple[Scope, BadSpan | None]:
    found, bad = said(message.attributes, depth)
    return Scope(message.name, message.version, found), bad


def _span(message: SpanMessage, resource: Attributes, scope: Scope, depth: int) -> Span:
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
        attributes=attributes(message.attributes, depth),
        resource=resource,
        scope=scope,
        events=tuple([Event(e.time_unix_nano, e.name, attributes(e.attributes, depth)) for e in message.events]),
        links=tuple([Link(k.trace_id.hex(), k.span_id.hex(), attributes(k.attributes, depth)) for k in message.links]),
        otel_kind=message.kind,
        trace_state=message.trace_state,
    )
