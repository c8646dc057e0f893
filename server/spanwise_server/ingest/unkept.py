"""Count what logs and metrics requests carry: not kept yet, so the answer must say how much was turned away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from ..errors import SpanwiseError
from .otlp import Form, Signal

SENTENCES: Final[Mapping[Signal, str]] = {
    "logs": "Spanwise does not keep log records yet; let the instrumentation write messages onto its spans.",
    "metrics": "Spanwise keeps no metrics: it derives them from spans. Set OTEL_METRICS_EXPORTER=none to send none.",
}
KINDS: Final = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


def count(body: bytes, signal: Signal, form: Form) -> int:
    """Return how many log records or data points *body* carries."""
    try:
        return COUNTERS[signal, form](body)
    except (DecodeError, orjson.JSONDecodeError, TypeError, AttributeError) as error:
        raise SpanwiseError(
            f"The body is not an OTLP {form} message of {signal}.", "Check its Content-Type."
        ) from error


def _logs(body: bytes) -> int:
    request = ExportLogsServiceRequest.FromString(body)
    return sum(len(scope.log_records) for resource in request.resource_logs for scope in resource.scope_logs)


def _metrics(body: bytes) -> int:
    request = ExportMetricsServiceRequest.FromString(body)
    metrics = [m for resource in request.resource_metrics for scope in resource.scope_metrics for m in scope.metrics]
    kinds = [(metric, metric.WhichOneof("data")) for metric in metrics]
    return sum(len(getattr(metric, kind).data_points) for metric, kind in kinds if kind is not None)


def _json_logs(body: bytes) -> int:
    request: Any = orjson.loads(body)
    scopes = [scope for resource in request.get("resourceLogs", ()) for scope in resource.get("scopeLogs", ())]
    return sum(len(scope.get("logRecords", ())) for scope in scopes)


def _json_metrics(body: bytes) -> int:
    request: Any = orjson.loads(body)
    scopes = [scope for resource in request.get("resourceMetrics", ()) for scope in resource.get("scopeMetrics", ())]
    metrics = [metric for scope in scopes for metric in scope.get("metrics", ())]
    return sum(len(metric.get(kind, {}).get("dataPoints", ())) for metric in metrics for kind in KINDS)


COUNTERS: Final[Mapping[tuple[Signal, Form], Callable[[bytes], int]]] = {
    ("logs", "protobuf"): _logs,
    ("metrics", "protobuf"): _metrics,
    ("logs", "json"): _json_logs,
    ("metrics", "json"): _json_metrics,
}
