"""Decode OTLP protobuf of log records."""

from __future__ import annotations

from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from ..record import Attributes
from .batch import BadSpan
from .log_batch import Log, LogBatch, event_of, ids
from .otlp_protobuf import attributes, parsed, said, value_of
from .span_limits import SpanLimits

#: Number of the field that names a record.
_NAME: Final = 12


def decode(body: bytes, limits: SpanLimits) -> LogBatch:
    """Return what *body*, an ``ExportLogsServiceRequest``, carries."""
    batch = LogBatch()
    request = parsed(body, ExportLogsServiceRequest, "logs", _NAME, batch)
    limits.check_count(
        sum(len(scope.log_records) for resource in request.resource_logs for scope in resource.scope_logs),
        "log records",
    )
    sizes = len(body) > limits.attribute_bytes
    for resource_logs in request.resource_logs:
        resource, bad = said(resource_logs.resource.attributes, limits.depth)
        for scope_logs in resource_logs.scope_logs:
            scope = scope_logs.scope.name
            for message in scope_logs.log_records:
                if bad is not None:
                    batch.refuse(message.event_name, bad, scope)
                    continue
                try:
                    log = _log(message, resource, scope, limits.depth)
                    limits.check_attributes(log.event.attributes, sizes=sizes)
                    batch.logs.append(log)
                except BadSpan as why:
                    batch.refuse(message.event_name, why, scope)
    return batch


def _log(message: LogRecord, resource: Attributes, scope: str, depth: int) -> Log:
    trace_id, span_id = ids(message.trace_id.hex(), message.span_id.hex())
    event = event_of(
        name=message.event_name,
        time_ns=message.time_unix_nano or message.observed_time_unix_nano,
        severity=message.severity_text,
        body=value_of(message.body, depth),
        attributes=attributes(message.attributes, depth),
    )
    return Log(trace_id, span_id, event, resource, scope)
