"""A finished span as the application may see and change it before it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


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
