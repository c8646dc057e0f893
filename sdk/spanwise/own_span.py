"""A span of ours where the tracer provider is ours too: the program's thread does for it what cannot wait, and no more.

OpenTelemetry's own span checks, copies and locks at each step, for processors of any kind.  Ours go to one queue: what
they say is checked, cut to the limits and written down where they are packed.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from . import vocabulary as v
from .safety import guard

logger = logging.getLogger("spanwise")

_UNSET: Final = Status(StatusCode.UNSET)
_NO_STATE: Final = TraceState()
_SCALARS: Final = frozenset({str, int, float, bool})

Attributes = Mapping[str, Any] | None


class Origin:
    """What all spans of one tracer have in common."""

    __slots__ = ("ended", "limits", "resource", "scope")

    def __init__(
        self,
        resource: Resource,
        scope: InstrumentationScope,
        limits: SpanLimits,
        ended: Callable[[OwnSpan], None],
    ) -> None:
        self.resource = resource
        self.scope = scope
        self.limits = limits
        self.ended = ended
        """Takes each span once it has ended."""


class OwnSpan(Span):
    """One span while it is made; ``readable`` is what came of it."""

    __slots__ = (
        "_context", "_end_time", "_events", "_flags", "_links", "_origin", "_state", "_status", "attributes", "fill",
        "kind", "later_chars", "name", "parent", "span_id", "start_time", "trace_id",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917  # one after the other, since names take time
        self,
        origin: Origin,
        name: str,
        kind: SpanKind,
        attributes: dict[str, Any],
        trace_id: int,
        span_id: int,
        flags: TraceFlags,
        state: TraceState,
        parent: SpanContext | None,
        start_time: int,
    ) -> None:
        self._origin = origin
        self.name = name
        self.kind = kind
        self.attributes: dict[str, Any] = attributes
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent = parent
        self.start_time = start_time
        self.fill: Callable[[dict[str, Any]], None] | None = None
        """Puts among the attributes what was left for later."""
        self.later_chars = 0
        """How many characters that will be, about."""
        self._flags = flags
        self._state = state
        self._context: SpanContext | None = None
        self._status = _UNSET
        self._end_time: int | None = None
        self._events: list[Event] | None = None
        self._links: list[Link] | None = None

    # --- what it is ----------------------------------------------------------------------------

    def get_span_context(self) -> SpanContext:
        """Return its ids, as others know them."""
        context = self._context
        if context is None:
            context = SpanContext(self.trace_id, self.span_id, False, self._flags, self._state)  # noqa: FBT003
            self._context = context
        return context

    @property
    def context(self) -> SpanContext:
        """Its ids."""
        return self.get_span_context()

    @property
    def end_time(self) -> int | None:
        """Nanoseconds since 1970, once it has ended."""
        return self._end_time

    @property
    def status(self) -> Status:
        """How it went."""
        return self._status

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened meanwhile."""
        return tuple(self._events or ())

    @property
    def links(self) -> tuple[Link, ...]:
        """What else it has to do with."""
        return tuple(self._links or ())

    @property
    def resource(self) -> Resource:
        """What makes it."""
        return self._origin.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """Who makes it."""
        return self._origin.scope

    def is_recording(self) -> bool:
        """Return whether more can be said of it."""
        return self._end_time is None

    # --- what is said of it --------------------------------------------------------------------

    def set_attribute(self, key: str, value: Any) -> None:
        """Say one thing."""
        if self._open():
            if type(value) in _SCALARS and key:
                self.attributes[key] = value
            else:  # what can change is kept as it is now
                self.attributes.update(BoundedAttributes(attributes={key: value}))

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Say several things."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Say that something happened."""
        if self._open():
            limits = self._origin.limits
            said = BoundedAttributes(
                limits.max_event_attributes, attributes, immutable=True, max_value_len=limits.max_attribute_length
            )
            self._events = [*(self._events or ()), Event(name, said, timestamp)]

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Say that it has to do with another span."""
        if context.is_valid and self._open():
            limits = self._origin.limits
            said = BoundedAttributes(
                limits.max_link_attributes, attributes, immutable=True, max_value_len=limits.max_attribute_length
            )
            self._links = [*(self._links or ()), Link(context, said)]

    def update_name(self, name: str) -> None:
        """Name it anew."""
        if self._open():
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say how it went; that it went well is the last word."""
        made = status if isinstance(status, Status) else Status(status, description)
        if made.status_code is not StatusCode.UNSET and self._status.status_code is not StatusCode.OK and self._open():
            self._status = made

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002  # the interface
    ) -> None:
        """Say that *exception* was raised."""
        kind = type(exception)
        module = kind.__module__
        self.add_event(
            v.EXCEPTION_EVENT,
            {
                v.EXCEPTION_TYPE: kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}",
                v.EXCEPTION_MESSAGE: str(exception),
                v.EXCEPTION_STACKTRACE: "".join(traceback.format_exception(exception)),
                "exception.escaped": str(escaped),
                **(attributes or {}),
            },
            timestamp,
        )

    def end(self, end_time: int | None = None) -> None:
        """End it, once."""
        if self._open():
            self._end_time = time_ns() if end_time is None else end_time
            self._origin.ended(self)

    def _open(self) -> bool:
        if self._end_time is None:
            return True
        logger.debug("the span %s has ended, and nothing can be said of it any more", self.name)
        return False

    # --- what came of it -----------------------------------------------------------------------

    def readable(self) -> ReadableSpan:
        """Return the finished span, with all that was left for later, within the limits."""
        attributes = self.attributes.copy()
        if self.fill is not None:
            with guard():
                self.fill(attributes)
            self.attributes, self.fill = attributes, None
        limits = self._origin.limits
        return ReadableSpan(
            name=self.name,
            context=self.get_span_context(),
            parent=self.parent,
            resource=self._origin.resource,
            attributes=_bounded(attributes, limits),
            events=BoundedList.from_seq(limits.max_events, self._events) if self._events else (),
            links=BoundedList.from_seq(limits.max_links, self._links) if self._links else (),
            kind=self.kind,
            status=self._status,
            start_time=self.start_time,
            end_time=self._end_time,
            instrumentation_scope=self._origin.scope,
        )


def _bounded(attributes: dict[str, Any], limits: SpanLimits) -> Mapping[str, Any]:
    """Return *attributes* as OpenTelemetry lets them pass: what it would change nothing of, as it is."""
    most, longest = limits.max_span_attributes, limits.max_span_attribute_length
    if longest is None and (most is None or len(attributes) <= most) and all(map(_passes, attributes.values())):
        return attributes
    return BoundedAttributes(most, attributes, immutable=True, max_value_len=longest)


def _passes(value: Any) -> bool:
    return type(value) in _SCALARS or (type(value) is tuple and all(type(one) is str for one in value))
