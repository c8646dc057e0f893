"""Count what metrics requests carry: nothing of it is kept, so the answer must say how much was turned away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from ..errors import SpanwiseError
from .otlp import Form

SENTENCE: Final = "Spanwise keeps no metrics: it derives them from spans. Set OTEL_METRICS_EXPORTER=none to send none."
KINDS: Final = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


def count(body: bytes, form: Form) -> int:
    """Return how many data points *body* carries."""
    try:
        return COUNTERS[form](body)
    except (DecodeError, orjson.JSONDecodeError, TypeError, AttributeError) as error:
        raise SpanwiseError(f"The body is not an OTLP {form} message of metrics.", "Check its Content-Type.") from error


def _protobuf(body: bytes) -> int:
    request = ExportMetricsServiceRequest.FromString(body)
    metrics = [m for resource in request.resource_metrics for scope in resource.scope_metrics for m in scope.metrics]
    kinds = [(metric, metric.WhichOneof("data")) for metric in metrics]
    return sum(len(getattr(metric, kind).data_points) for metric, kind in kinds if kind is not None)


def _json(body: bytes) -> int:
    request: Any = orjson.loads(body)
    scopes = [scope for resource in request.get("resourceMetrics", ()) for scope in resource.get("scopeMetrics", ())]
    metrics = [metric for scope in scopes for metric in scope.get("metrics", ())]
    return sum(len(metric.get(kind, {}).get("dataPoints", ())) for metric in metrics for kind in KINDS)


COUNTERS: Final[Mapping[Form, Callable[[bytes], int]]] = {"protobuf": _protobuf, "json": _json}
