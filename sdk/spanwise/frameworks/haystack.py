"""Haystack, by the tracer that it asks for: pipelines, their components, agents and tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from haystack.tracing.tracer import Span, Tracer
from haystack.tracing.utils import coerce_tag_value
from opentelemetry import trace

from ..runtime import HELD
from ..safety import guard
from .framework import framework

_SCOPE: Final = "haystack"


class Tags(Span):
    """One span of OpenTelemetry, as Haystack writes to it."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set_tag(self, key: str, value: Any) -> None:
        """Say something of it."""
        with guard():
            self._span.set_attribute(key, coerce_tag_value(value))

    def raw_span(self) -> Any:
        """Return the span itself."""
        return self._span

    def get_correlation_data_for_logs(self) -> dict[str, Any]:
        """Return what ties a line of a log to it."""
        context = self._span.get_span_context()
        return {"trace_id": context.trace_id, "span_id": context.span_id}


class Through(Tracer):
    """Makes Haystack's spans in the words that the server reads."""

    def __init__(self) -> None:
        self._tracer = trace.get_tracer(_SCOPE)

    @contextmanager
    def trace(
        self,
        operation_name: str,
        tags: dict[str, Any] | None = None,
        parent_span: Span | None = None,  # noqa: ARG002  # it is the current one already
    ) -> Iterator[Span]:
        """Begin a span inside of the current one, for as long as the block lasts."""
        with self._tracer.start_as_current_span(operation_name) as span:
            made = Tags(span)
            for key, value in (tags or {}).items():
                made.set_tag(key, value)
            yield made

    def current_span(self) -> Span | None:
        """Return the span that the program is in, where there is one."""
        span = trace.get_current_span()
        return Tags(span) if span.is_recording() else None


def _switch_on(module: ModuleType) -> Callable[[], None]:
    """Put our tracer into Haystack, unless the program has put one there."""
    proxy: Any = module.tracer
    before, told = proxy.actual_tracer, proxy.is_content_tracing_enabled
    if type(before).__name__ != "NullTracer":
        return lambda: None
    proxy.actual_tracer = made = Through()
    proxy.is_content_tracing_enabled = HELD.runtime.config.capture_content

    def switch_off() -> None:
        if proxy.actual_tracer is made:
            proxy.actual_tracer, proxy.is_content_tracing_enabled = before, told

    return switch_off


FRAMEWORK: Final = framework("haystack", "haystack.tracing.tracer", _switch_on)
