"""A finished span as the application may see and change it before it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from opentelemetry.sdk.trace import ReadableSpan


@dataclass(slots=True)
class Outgoing:
    """One finished span as ``before_send`` sees it; whatever is changed here is what is sent."""

    name: str
    attributes: dict[str, Any]
    status_message: str | None
    start_ns: int
    """Nanoseconds since 1970."""
    end_ns: int
    events: list[tuple[str, int, dict[str, Any]]]
    """Name, nanoseconds since 1970 and attributes of each event."""
    trace_id: str
    """32 hex digits; changing it has no effect, as with the next."""
    span_id: str


BeforeSend: TypeAlias = Callable[[Outgoing], "Outgoing | None"]


def changed(span: ReadableSpan, **changes: Any) -> ReadableSpan:
    """Return a copy of *span* with *changes*."""
    same = {
        "name": span.name,
        "context": span.get_span_context(),
        "parent": span.parent,
        "resource": span.resource,
        "attributes": span.attributes,
        "events": span.events,
        "links": span.links,
        "kind": span.kind,
        "status": span.status,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "instrumentation_scope": span.instrumentation_scope,
    }
    return ReadableSpan(**{**same, **changes})
