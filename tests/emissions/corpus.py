"""What was captured, as it lies in the repository."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanwise_server.dialects.log_events import log_event
from spanwise_server.ingest.otlp import decode
from spanwise_server.ingest.pipeline import Pipeline
from spanwise_server.pricing.price import Prices
from spanwise_server.record import Event, Record, Span

CORPUS = Path(__file__).parents[1] / "server" / "dialects" / "corpus"


def names() -> list[str]:
    """Return the emitters that have been captured."""
    return sorted(path.parent.name for path in CORPUS.glob("*/expected.json"))


def expected(name: str) -> dict[str, Any]:
    """Return the versions and the calls of one emitter."""
    found: dict[str, Any] = json.loads((CORPUS / name / "expected.json").read_text(encoding="utf-8"))
    return found


def records(name: str) -> list[Record]:
    """Return the records that its spans and log records make, in the order of their starts."""
    spans: list[Span] = []
    for path in (CORPUS / name).glob("traces.*.gz"):
        form = path.name.split(".")[1]
        batch = decode(gzip.decompress(path.read_bytes()), "json" if form == "json" else "protobuf")
        assert batch.refused == 0, batch.message
        spans += batch.spans
    logged = log_events(name)
    joined = [
        replace(span, events=(*span.events, *logged[span.span_id])) if span.span_id in logged else span
        for span in spans
    ]
    found = Pipeline(Prices()).records(joined)
    return sorted(found, key=lambda record: record.span.start_ns)


def log_events(name: str) -> dict[str, list[Event]]:
    """Return the events that came as log records, by the id of their span."""
    found: dict[str, list[Event]] = {}
    path = CORPUS / name / "logs.pb.gz"
    if not path.exists():
        return found
    request = ExportLogsServiceRequest.FromString(gzip.decompress(path.read_bytes()))
    for scope in (scope for resource in request.resource_logs for scope in resource.scope_logs):
        for log in scope.log_records:
            said = {pair.key: value_of(pair.value) for pair in log.attributes}
            moment = log.time_unix_nano or log.observed_time_unix_nano
            event = log_event(moment, log.event_name, said, value_of(log.body))
            if event is not None:
                found.setdefault(log.span_id.hex(), []).append(event)
    return found


def value_of(value: AnyValue) -> Any:
    """Return a value of a log record as plain Python."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(inside) for inside in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode()
    return None if kind is None else getattr(value, kind)
