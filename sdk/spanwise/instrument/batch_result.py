"""Results of a batch as spans: each a call of a model, told when the application fetches it.

Its ids come of the batch and of what it is called there, so that a result fetched twice, here or elsewhere, is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from .. import vocabulary as v
from ..own_span import OwnSpan
from ..runtime import HELD
from ..safety import guard
from ..tracing import start_known
from .generation import Generation

Read = Callable[[Generation], None]

#: What a provider charges by; price lists go by it too.
_TIER: Final = "batch"
_REMEMBERED: Final = 10_000
_TOLD: Final[dict[int, None]] = {}
"""Results lately told of, by the id of their span: a batch that is asked after again and again tells of each once."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """One answer in a batch, as far as it is known before the answer is read."""

    provider: str
    source: str
    """The batch, or the file of its results: in it *key* is the only one."""
    key: str
    """What this one is called there."""
    batch: str | None = None
    """The id that the batch goes by, ``None`` where nobody has said which it is."""
    operation: str = "chat"
    kind: str = "llm"
    model: str | None = None
    at_ns: int | None = None
    """When it was there, ``None`` where nobody says."""
    failure: tuple[str, str] | None = None
    """Type and sentence."""

    @property
    def ids(self) -> tuple[int, int]:
        """The trace's id and the span's."""
        digest = sha256("\0".join((self.provider, self.source, self.key)).encode()).digest()
        return int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")


def tell(result: BatchResult, read: Read, *, later_chars: int | None = None) -> None:
    """Record *result*, whose answer *read* reads: later, where it says that it will be about *later_chars*."""
    trace_id, span_id = result.ids
    if span_id in _TOLD:
        return
    if len(_TOLD) >= _REMEMBERED:
        _TOLD.clear()
    _TOLD[span_id] = None
    at_ns = time.time_ns() if result.at_ns is None else result.at_ns
    name = f"{result.operation} {result.model}" if result.model else result.operation
    runtime = HELD.runtime
    span = start_known(runtime.tracer, name, SpanKind.CLIENT, (trace_id, span_id), at_ns)
    with guard():
        around = trace.get_current_span().get_span_context()
        if around.is_valid:
            span.add_link(around)
        if result.failure is not None:
            span.set_status(Status(StatusCode.ERROR, result.failure[1]))
        span.set_attributes(_head(result))
        fill = partial(_fill, Generation(content=runtime.config.capture_content), read)
        if later_chars is not None and type(span) is OwnSpan:
            span.fill, span.later_chars = fill, later_chars
        else:
            said: dict[str, Any] = {}
            fill(said)
            span.set_attributes(said)
    span.end(at_ns)


def _head(result: BatchResult) -> Mapping[str, Any]:
    said = {
        v.KIND: result.kind,
        v.OPERATION_NAME: result.operation,
        v.PROVIDER_NAME: result.provider,
        v.REQUEST_MODEL: result.model,
        v.BATCH_ID: result.batch,
        v.BATCH_KEY: result.key,
        v.RESPONSE_SERVICE_TIER: _TIER,
        v.ERROR_TYPE: result.failure[0] if result.failure is not None else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _fill(generation: Generation, read: Read, attributes: dict[str, Any]) -> None:
    with guard():
        read(generation)
    said = generation.finished()
    said.pop(v.OPENAI_RESPONSE_SERVICE_TIER, None)  # what it would have been charged by outside a batch
    attributes.update(said)
