"""Spans as OTLP/HTTP requests, made by hand so that every id is known."""

from __future__ import annotations

import secrets
import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def request_of(spans: int, *, project: str = "load", text: str = "x" * 600) -> tuple[bytes, set[str]]:
    """Return one request with *spans* spans of a trace each, and their span ids in hex."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _attribute(resource.resource, "spanwise.project.name", project)
    scope = resource.scope_spans.add()
    scope.scope.name = "load"
    ids = set()
    for number in range(spans):
        span = scope.spans.add()
        span.trace_id = secrets.token_bytes(16)
        span.span_id = secrets.token_bytes(8)
        span.name = f"chat {number}"
        span.start_time_unix_nano = time.time_ns() - 10**9
        span.end_time_unix_nano = time.time_ns()
        _attribute(span, "gen_ai.operation.name", "chat")
        _attribute(span, "gen_ai.provider.name", "openai")
        _attribute(span, "gen_ai.request.model", "gpt-4o-mini")
        _attribute(span, "gen_ai.usage.input_tokens", str(100 + number))
        _attribute(span, "spanwise.input", f'"{text}"')
        ids.add(span.span_id.hex())
    return request.SerializeToString(), ids


def _attribute(owner: object, key: str, value: str) -> None:
    attribute = owner.attributes.add()  # type: ignore[attr-defined]  # a protobuf message
    attribute.key = key
    attribute.value.string_value = value
