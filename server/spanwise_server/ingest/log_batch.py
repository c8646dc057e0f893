"""What one request of log records carried: those that belong to a span, and why others cannot be kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ..record import Attributes, Event
from .batch import LATEST_NS, BadSpan, Refusals, span_id

#: What the event of a log record without a name is called.
UNNAMED: Final = "log"
#: Where older libraries put the name of an event.
NAME_ATTRIBUTE: Final = "event.name"
#: Attributes of the event that hold what a log record has and a span's event has not.
BODY: Final = "body"
SEVERITY: Final = "severity"


@dataclass(frozen=True, slots=True)
class Log:
    """One log record, the ids of its span, and where it came from."""

    trace_id: str
    span_id: str
    event: Event
    resource: Attributes
    scope: str = ""


@dataclass(slots=True)
class LogBatch(Refusals):
    """Log records in the order they came, and what was refused."""

    word: str = "Log record"
    logs: list[Log] = field(default_factory=list)


def ids(trace_id: str, of_span: str) -> tuple[str, str]:
    """Return the ids of a record's span; raises BadSpan where it has none."""
    if not trace_id.strip("0") or not of_span.strip("0"):
        raise BadSpan("no_span", "it belongs to no span: its trace id or span id is empty.")
    return span_id(trace_id, 32, "trace id"), span_id(of_span, 16, "span id")


def event_of(*, name: str, time_ns: int, severity: str, body: Any, attributes: dict[str, Any]) -> Event:
    """Return a log record as an event; its body and severity stand among the attributes."""
    if not 0 <= time_ns <= LATEST_NS:
        raise BadSpan("bad_time", f"its time {time_ns} is not in nanoseconds since 1970.")
    if not name:
        told = attributes.pop(NAME_ATTRIBUTE, None)
        name = told if isinstance(told, str) and told else UNNAMED
    if severity:
        attributes.setdefault(SEVERITY, severity)
    if body is not None:
        attributes[BODY] = body
    return Event(time_ns, name, attributes)
