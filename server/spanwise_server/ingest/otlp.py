"""OpenTelemetry's protocol in both its forms: requests to spans, answers back in the request's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

import orjson
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ..errors import SpanwiseError, UnsupportedMedia
from . import otlp_json, otlp_protobuf
from .batch import Batch
from .span_limits import SpanLimits

Form = Literal["protobuf", "json"]
Signal = Literal["traces", "logs", "metrics"]
MEDIA_TYPES: Final[Mapping[Form, str]] = {"protobuf": "application/x-protobuf", "json": "application/json"}
FORMS: Final[Mapping[str, Form]] = {
    "application/x-protobuf": "protobuf",
    "application/protobuf": "protobuf",
    "application/json": "json",
}
DECODERS: Final[Mapping[Form, Callable[[bytes, SpanLimits], Batch]]] = {
    "protobuf": otlp_protobuf.decode,
    "json": otlp_json.decode,
}
LIMITS: Final = SpanLimits()
#: Signal -> its answer, and what the answer and its JSON call the count of what was refused.
ANSWERS: Final = {
    "traces": (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}
#: HTTP status -> code of google.rpc.Status.
RPC_CODES: Final[Mapping[int, int]] = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 429: 8, 503: 14}


def form_of(content_type: str) -> Form:
    """Return the form that a Content-Type header names."""
    found = FORMS.get(content_type.partition(";")[0].strip().lower())
    if found is None:
        raise UnsupportedMedia(
            f"Content-Type {content_type!r} is not one that OTLP has." if content_type else "There is no Content-Type.",
            "Send application/x-protobuf or application/json.",
        )
    return found


def decode(body: bytes, form: Form, limits: SpanLimits = LIMITS) -> Batch:
    """Return the spans that *body* carries and why others were refused."""
    return DECODERS[form](body, limits)


def encode_answer(signal: Signal, form: Form, refused: int = 0, message: str = "") -> bytes:
    """Return the answer to an export; a refusal of some is counted and explained in it."""
    answer_type, count_name, json_name = ANSWERS[signal]
    partial = bool(refused or message)
    if form == "json":
        said = {"partialSuccess": {json_name: str(refused), "errorMessage": message}} if partial else {}
        return orjson.dumps(said)
    answer = answer_type()
    if partial:
        setattr(answer.partial_success, count_name, refused)
        answer.partial_success.error_message = message
    encoded: bytes = answer.SerializeToString()
    return encoded


def rpc_code(status: int) -> int:
    """Return the code of google.rpc.Status that stands for an HTTP status."""
    return RPC_CODES.get(status, 2)


def encode_error(error: SpanwiseError, form: Form) -> bytes:
    """Return *error* as OTLP wants it: a google.rpc.Status."""
    code = rpc_code(error.status)
    text = f"{error.message} {error.hint}".strip()
    if form == "json":
        return orjson.dumps({"code": code, "message": text})
    encoded: bytes = Status(code=code, message=text).SerializeToString()
    return encoded
