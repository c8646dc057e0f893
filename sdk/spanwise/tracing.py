"""Where spans are made: the application's own tracer provider where it has one, else one of ours."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from time import time_ns
from typing import Any, Final
from uuid import uuid4

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from . import vocabulary as v
from ._version import __version__
from .config import Config
from .context import current_attributes, current_frame
from .own_ids import SPAN_IDS, TRACE_IDS, OwnIds, draw
from .own_span import Attributes, Origin, OwnSpan
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


class OwnProvider(TracerProvider):
    """A tracer provider of ours, which tells whether anybody else has come to see our spans."""

    shared = False

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Let another one see every span."""
        if not isinstance(span_processor, Gate):
            self.shared = True
        super().add_span_processor(span_processor)

    def _handle_fork(self) -> None:
        """Start afresh in a child process, as OpenTelemetry does, but without a pool of threads.

        It looks there for what has become of the process, with threads that wait for each other. Under gevent the child
        goes on with the program's own work meanwhile, before it becomes the other program that it was forked for.
        """
        self._tracers_lock = threading.Lock()
        if os.environ.get("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"):  # the application wants to be told of processes
            look = getattr(super(), "_handle_fork", None)
            if look is not None:
                look()
            return
        named = "service.instance.id" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        update = getattr(self, "_update_resource", None)
        if update is not None and not named and "service.instance.id" in self.resource.attributes:
            update(Resource({"service.instance.id": str(uuid4())}))


#: Under which key a context holds its span.
SPAN_KEY: Final = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
_RANDOM: Final = int(getattr(trace.TraceFlags, "RANDOM_TRACE_ID", 0))
_FLAGS: Final = {said: trace.TraceFlags(trace.TraceFlags.SAMPLED | said) for said in (0, _RANDOM)}
_NO_STATE: Final = trace.TraceState()


class OwnTracer(trace.Tracer):
    """Makes the quick sort of span where nobody but us looks at it, and OpenTelemetry's own where somebody does."""

    def __init__(self, provider: OwnProvider, plain: SdkTracer, limits: SpanLimits) -> None:
        self._provider = provider
        self._plain = plain
        ids = provider.id_generator
        is_random = getattr(ids, "is_trace_id_random", None)
        self._first_flags = _FLAGS[_RANDOM if is_random is not None and is_random() else 0]
        scope = InstrumentationScope(v.SCOPE, __version__, v.SCHEMA_URL)
        self._origin = Origin(provider.resource, scope, limits, _ended)

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002  # the interface
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002  # the interface
    ) -> trace.Span:
        """Start a span; *attributes* are its own from here on."""
        around = otel_context.get_current() if context is None else context
        outer = around.get(SPAN_KEY)
        parent = None if outer is None else _parent(outer)
        if links or self._provider.shared or (parent is not None and not parent.trace_flags.sampled):
            return self._plain.start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        said = attributes if type(attributes) is dict else dict(attributes or {})
        frame = current_frame()
        if frame is not None:
            said.update(frame.attributes)
        try:  # the source of ids is asked where there are none, since a function not called for a while takes long
            span_id = SPAN_IDS.pop()
        except IndexError:
            span_id = draw(SPAN_IDS, 64)
        if parent is not None:
            trace_id, flags, state = parent.trace_id, _FLAGS[parent.trace_flags & _RANDOM], parent.trace_state
        else:
            flags, state = self._first_flags, _NO_STATE
            try:
                trace_id = TRACE_IDS.pop()
            except IndexError:
                trace_id = draw(TRACE_IDS, 128)
        begun = time_ns() if start_time is None else start_time
        span = OwnSpan(self._origin, name, kind, said, trace_id, span_id, flags, state, parent, begun)
        runtime = HELD.runtime
        if runtime.announcer is not None:
            runtime.announcer.started(span)
        if not runtime.sieve.idle:
            with guard():
                runtime.sieve.started(trace_id)
        return span

    def start_root(self, name: str, kind: trace.SpanKind, ids: tuple[int, int], start_time: int) -> trace.Span:
        """Start a span without a parent that goes by *ids*, its trace's and its own."""
        if self._provider.shared:
            return _start_known(self._plain, name, kind, ids, start_time)
        frame = current_frame()
        said = {} if frame is None else dict(frame.attributes)
        span = OwnSpan(self._origin, name, kind, said, *ids, self._first_flags, _NO_STATE, None, start_time)
        sieve = HELD.runtime.sieve
        if not sieve.idle:
            with guard():
                sieve.started(ids[0])
        return span

    @contextmanager
    def start_as_current_span(  # type: ignore[override]  # noqa: PLR0917  # the interface, less decorators
        self,
        name: str,
        context: Context | None = None,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002  # the interface
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002  # the interface
        end_on_exit: bool = True,  # noqa: FBT001, FBT002  # the interface
    ) -> Iterator[trace.Span]:
        """Start a span around a block."""
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with trace.use_span(span, end_on_exit, record_exception, set_status_on_exception) as used:
            yield used


class _KnownIds(RandomIdGenerator):
    """Ids of one span that are settled."""

    def __init__(self, ids: tuple[int, int]) -> None:
        self._ids = ids

    def generate_trace_id(self) -> int:
        """Return the trace's."""
        return self._ids[0]

    def generate_span_id(self) -> int:
        """Return the span's."""
        return self._ids[1]


def start_known(
    tracer: trace.Tracer, name: str, kind: trace.SpanKind, ids: tuple[int, int], start_time: int
) -> trace.Span:
    """Start a span without a parent that goes by *ids*, its trace's and its own, wherever *tracer* can give it them."""
    if isinstance(tracer, OwnTracer):
        return tracer.start_root(name, kind, ids, start_time)
    return _start_known(tracer, name, kind, ids, start_time)


def _start_known(
    tracer: trace.Tracer, name: str, kind: trace.SpanKind, ids: tuple[int, int], start_time: int
) -> trace.Span:
    if isinstance(tracer, SdkTracer):
        tracer = copy(tracer)
        tracer.id_generator = _KnownIds(ids)
    return tracer.start_span(name, Context(), kind, start_time=start_time)


def _parent(outer: object) -> trace.SpanContext | None:
    if type(outer) is OwnSpan:
        return outer.get_span_context()
    parent = outer.get_span_context() if isinstance(outer, trace.Span) else None
    return parent if parent is not None and parent.is_valid else None


def _ended(span: OwnSpan) -> None:
    runtime = HELD.runtime
    if runtime.announcer is not None:
        runtime.announcer.ended(span)
    exporter = runtime.exporter
    if exporter is None:
        return
    if runtime.sieve.idle:
        exporter.put(span)
        return
    finished = span.readable()
    for kept in runtime.sieve.ended(finished, span.trace_id, wanted=True):
        exporter.put(kept)


_GATED: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


def make_tracer(config: Config) -> trace.Tracer:
    """Return a tracer whose spans come to our exporter.

    Where the application has a tracer provider, its sampling and its resource hold for our spans too, and what its
    other instrumentations record comes to us as well.  Otherwise ours becomes the application's.
    """
    provider = trace.get_tracer_provider()
    if isinstance(provider, OwnProvider):
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
    tracer = provider.get_tracer(v.SCOPE, __version__, schema_url=v.SCHEMA_URL)
    # What else the environment asks of OpenTelemetry, such as sampling or silence, it does itself.
    if isinstance(provider, OwnProvider) and isinstance(tracer, SdkTracer) and provider.sampler is DEFAULT_ON:
        return OwnTracer(provider, tracer, SpanLimits())
    return tracer


def _ours(config: Config, present: OwnProvider | None) -> OwnProvider:
    resource = _resource(config)
    if present is not None and present.resource == resource:
        return present
    provider = OwnProvider(resource=resource, shutdown_on_exit=False, id_generator=OwnIds())
    provider.add_span_processor(Gate(own_resource=True))
    return provider


def _resource(config: Config) -> Resource:
    said = {
        v.SERVICE_NAME: config.service,
        v.SERVICE_VERSION: config.release,
        v.ENVIRONMENT: config.environment,
        v.PROJECT_NAME: config.project,
    }
    return Resource.create({name: value for name, value in said.items() if value})
