"""Where spans are made: the application's own tracer provider where it has one, else one of ours."""

from __future__ import annotations

import weakref
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from . import vocabulary as v
from ._version import __version__
from .config import Config
from .context import current_attributes
from .relevance import about_models
from .runtime import HELD
from .safety import guard, swallowed


class Gate(SpanProcessor):
    """Puts session, user, tags and metadata onto every span that starts, and queues every span that ends.

    It asks for the exporter in force each time, so that a second ``init()`` need not replace it.
    """

    def __init__(self, *, own_resource: bool) -> None:
        self._own_resource = own_resource

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # the interface
        """Put on what the present context says, and note that the span has begun."""
        announcer = HELD.runtime.announcer
        if announcer is not None:
            announcer.started(span)
        sieve = HELD.runtime.sieve
        if not sieve.idle:
            with guard():
                sieve.started(span.context.trace_id)
        attributes = current_attributes()
        if attributes is not None:
            span.set_attributes(attributes)
        elif self._own_resource:
            return
        environment = HELD.runtime.config.environment
        if environment and not self._own_resource and not (attributes and v.ENVIRONMENT in attributes):
            span.set_attribute(v.ENVIRONMENT, environment)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue *span* where it is sampled and about models."""
        try:
            self._queue(span)
        except Exception as error:
            if not swallowed(error):
                raise

    def _queue(self, span: ReadableSpan) -> None:
        runtime = HELD.runtime
        if runtime.announcer is not None:
            runtime.announcer.ended(span)
        exporter = runtime.exporter
        context = span.get_span_context()
        if exporter is None or context is None or not context.trace_flags.sampled:
            return
        wanted = runtime.config.export == "all" or about_models(span)
        if runtime.sieve.idle:
            if wanted:
                exporter.put(span)
            return
        for kept in runtime.sieve.ended(span, context.trace_id, wanted=wanted):
            exporter.put(kept)

    def shutdown(self) -> None:
        """Leave the sending to ``spanwise.shutdown()``."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is queued; return whether all of it went."""
        exporter = HELD.runtime.exporter
        return exporter is None or exporter.flush(timeout_millis / 1000)


_GATED: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
_OURS: Final[weakref.WeakSet[TracerProvider]] = weakref.WeakSet()


def make_tracer(config: Config) -> trace.Tracer:
    """Return a tracer whose spans come to our exporter.

    Where the application has a tracer provider, its sampling and its resource hold for our spans too, and what its
    other instrumentations record comes to us as well.  Otherwise ours becomes the application's.
    """
    provider = trace.get_tracer_provider()
    if provider in _OURS:
        provider = _ours(config, provider)
    elif isinstance(provider, trace.ProxyTracerProvider):
        provider = _ours(config, None)
        trace.set_tracer_provider(provider)
    elif isinstance(provider, TracerProvider):
        if provider not in _GATED:
            provider.add_span_processor(Gate(own_resource=False))
            _GATED.add(provider)
    else:  # of another make, such as a no-op one: left as it is, and our spans go their own way
        provider = _ours(config, None)
    return provider.get_tracer(v.SCOPE, __version__, schema_url=v.SCHEMA_URL)


def _ours(config: Config, present: trace.TracerProvider | None) -> TracerProvider:
    resource = _resource(config)
    if isinstance(present, TracerProvider) and present.resource == resource:
        return present
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(Gate(own_resource=True))
    _GATED.add(provider)
    _OURS.add(provider)
    return provider


def _resource(config: Config) -> Resource:
    said = {
        v.SERVICE_NAME: config.service,
        v.SERVICE_VERSION: config.release,
        v.ENVIRONMENT: config.environment,
        v.PROJECT_NAME: config.project,
    }
    return Resource.create({name: value for name, value in said.items() if value})
