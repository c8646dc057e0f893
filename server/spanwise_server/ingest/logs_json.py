"""Decode OTLP/JSON of log records, as forgiving as that of spans."""

from __future__ import annotations

from typing import Final

from ..record import Attributes
from .batch import BadSpan
from .log_batch import Log, LogBatch, event_of, ids
from .otlp_json import Object, attributes, hex_id, items, number, object_in, objects, parsed, said, text, value_of
from .span_limits import SpanLimits

RECORDS: Final = ("logRecords", "log_records")


def decode(body: bytes, limits: SpanLimits) -> LogBatch:
    """Return what *body*, an ``ExportLogsServiceRequest`` as JSON, carries."""
    request = parsed(body, "resourceLogs", "resource_logs")
    batch = LogBatch()
    resources = items(request, batch, "resourceLogs", "resource_logs")
    limits.check_count(
        sum(len(objects(scope, *RECORDS)) for r in resources for scope in objects(r, "scopeLogs", "scope_logs")),
        "log records",
    )
    sizes = len(body) > limits.attribute_bytes
    for resource_logs in resources:
        resource, bad = said(object_in(resource_logs, "resource"), limits.depth)
        for scope_logs in items(resource_logs, batch, "scopeLogs", "scope_logs"):
            scope = text(object_in(scope_logs, "scope").get("name"))
            for message in items(scope_logs, batch, *RECORDS):
                if bad is not None:
                    batch.refuse(_name(message), bad, scope)
                    continue
                try:
                    log = _log(message, resource, scope, limits.depth)
                    limits.check_attributes(log.event.attributes, sizes=sizes)
                    batch.logs.append(log)
                except BadSpan as why:
                    batch.refuse(_name(message), why, scope)
    return batch


def _name(message: Object) -> str:
    return text(message.get("eventName", message.get("event_name")))


def _log(message: Object, resource: Attributes, scope: str, depth: int) -> Log:
    trace_id, span_id = ids(hex_id(message, 32, "traceId", "trace_id"), hex_id(message, 16, "spanId", "span_id"))
    event = event_of(
        name=_name(message),
        time_ns=number(message, "time", "timeUnixNano", "time_unix_nano")
        or number(message, "time", "observedTimeUnixNano", "observed_time_unix_nano"),
        severity=text(message.get("severityText", message.get("severity_text"))),
        body=value_of(message["body"], depth) if message.get("body") is not None else None,
        attributes=attributes(message.get("attributes"), depth),
    )
    return Log(trace_id, span_id, event, resource, scope)
