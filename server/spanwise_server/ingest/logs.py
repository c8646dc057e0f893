"""Log records as events of spans: GenAI libraries send messages so, and anybody may log within a span."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from . import logs_json, logs_protobuf
from .log_batch import LogBatch
from .otlp import LIMITS, Form
from .span_limits import SpanLimits

DECODERS: Final[Mapping[Form, Callable[[bytes, SpanLimits], LogBatch]]] = {
    "protobuf": logs_protobuf.decode,
    "json": logs_json.decode,
}


def decode_logs(body: bytes, form: Form, limits: SpanLimits = LIMITS) -> LogBatch:
    """Return the log records that *body* carries and why others were refused."""
    return DECODERS[form](body, limits)
