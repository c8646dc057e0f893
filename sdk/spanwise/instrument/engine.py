"""Wrap a client's methods so that each call becomes one span.

A provider is data: which methods to wrap, how to recognise a call, and three small readers.  Sync, async,
streamed, raw, failed, abandoned: the engine handles them all, once.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic, perf_counter, time_ns
from types import ModuleType
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from .. import vocabulary as v
from ..own_span import OwnSpan
from ..prompts import REMEMBERED
from ..runtime import HELD
from ..safety import guard, swallowed
from ..tracing import SPAN_KEY, OwnTracer
from .around import current_context, enter_context
from .coexist import tell
from .fetch import Fetch
from .generation import Generation
from .left import closed
from .undo import replaced

Reader = Callable[[Generation, Any], None]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a provider, and how to read what passes through it."""

    operation: str
    kind: str
    request: Callable[[Generation, Mapping[str, Any]], None]
    response: Reader
    chunk: Reader | None = None
    surplus: Callable[[Any], bool] | None = None
    """Whether a chunk is there only because we asked for it."""
    prompt_in: tuple[str, ...] = ()
    """Fields in which a prompt may come, the first that has one counts; only of a request that can be read later.

    Such a one is a body of JSON with a ``model`` in it, which is kept as the JSON that it is at the time of the call.
    """


@dataclass(slots=True)
class Asked:
    """One call as its provider recognised it."""

    route: Route
    request: Mapping[str, Any]
    """The body that goes to the provider."""
    provider: str
    """The provider's name in the GenAI conventions."""
    address: str | None = None
    port: int | None = None
    asked_for_usage: bool = False
    """Whether we made the stream tell its usage, so that the chunk telling it is not the application's."""
    sent: Sent | None = None
    """How to find the request once it is answered; where there is one, it is not taken before."""


Sent = Callable[[Mapping[str, Any], Any], bytes | Mapping[str, Any]]
"""Gets the request and its answer, or the error, and returns the JSON that went out, else the request to be read."""
Recognise = Callable[[Any, tuple[Any, ...], dict[str, Any]], "Asked | None"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A client library: what it is called and what of it is wrapped."""

    name: str
    module: str
    """Module that holds the methods; wrapped as soon as it is imported, never imported by us."""
    methods: Mapping[str, Recognise]
    """How each tells whether one call of it is of interest: gets instance, arguments and keyword arguments.

    Named as ``Class.method``, or ``function``, or ``module:`` before either where it lies in another module.
    One that this version of the library lacks is passed over.
    """
    generators: tuple[str, ...] = ()
    """Methods, named likewise, that make a generator around the streams of such calls."""
    fetches: Mapping[str, Fetch] = field(default_factory=dict)
    """Methods, named likewise, whose results may be answers that were made earlier."""
    on_patch: Callable[[Any], Callable[[], None]] | None = None
    """Does what else the library needs, and returns how to undo it."""
    arrive: Arrival | None = None
    """Takes the call's result where it is neither a stream, nor a raw response, nor the whole answer."""


Arrival = Callable[["Flight", Any], Any]


def wrap_method(owner: type | ModuleType, name: str, recognise: Recognise, arrive: Arrival) -> Callable[[], None]:
    """Wrap one method, or one function of a module; return the function that puts the original back."""

    def observed(original: Callable[..., Any]) -> Callable[..., Any]:
        observe = _observe_async if inspect.iscoroutinefunction(original) else _observe
        return observe(original, recognise, arrive, own=0 if isinstance(owner, ModuleType) else 1)

    return replaced(owner, name, observed)


def _observe(original: Callable[..., Any], recognise: Recognise, arrive: Arrival, *, own: int) -> Callable[..., Any]:
    """Return *original* observed; *own* is how many of its first arguments are the instance."""

    @functools.wraps(original)
    def observed(*args: Any, **kwargs: Any) -> Any:
        flight = take_off(recognise, args[0] if own else None, args[own:], kwargs)
        if flight is None:
            return original(*args, **kwargs)
        enter_context(flight.context)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            flight.fail(error)
            raise
        finally:
            enter_context(flight.before)
        return arrive(flight, result)

    return observed


def _observe_async(
    original: Callable[..., Any], recognise: Recognise, arrive: Arrival, *, own: int
) -> Callable[..., Any]:
    @functools.wraps(original)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        flight = take_off(recognise, args[0] if own else None, args[own:], kwargs)
        if flight is None:
            return await original(*args, **kwargs)
        enter_context(flight.context)
        try:
            result = await original(*args, **kwargs)
        except BaseException as error:
            flight.fail(error)
            raise
        finally:
            # Attached again rather than detached: a coroutine may be closed in a context that is not its own.
            if current_context() is flight.context:
                enter_context(flight.before)
        return arrive(flight, result)

    return observed


def take_off(recognise: Recognise, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Flight | None:
    """Return the call in the air, or ``None`` where it is of no interest or we failed.

    A call that another client makes on behalf of one in the air is that same call, and of no interest.
    """
    try:
        asked = recognise(instance, args, kwargs)
        if asked is None:
            return None
        around = current_context()
        if around and isinstance(aloft := around.get(IN_FLIGHT), list) and asked.route.kind in aloft:
            return None
        return Flight(asked, around)
    except Exception as error:
        if not swallowed(error):
            raise
        return None


_CLIENT: Final = SpanKind.CLIENT
IN_FLIGHT: Final = otel_context.create_key("spanwise-flight")
"""What is in the air around here: a list of one kind of span, or of none once it has landed."""
ESCORTED: Final = otel_context.create_key("spanwise-escorted")
"""List of the calls that the generator around here has made; see ``escort``."""


class Flight:
    """One call in the air, from its first argument to its last chunk; it lands once, however it ends.

    What its span will say waits until it lands, or the second chunk is here: nobody waits for that.
    """

    __slots__ = (
        "__weakref__", "_aloft", "_asked", "_ended_ns", "_first", "_first_at", "_generation", "_hides", "_reads",
        "_runtime", "_sent", "_started", "answer", "before", "context", "landed", "left_at", "route", "span",
    )  # fmt: skip

    def __init__(self, asked: Asked, around: Context) -> None:
        self._asked = asked
        self.route = route = asked.route
        self._runtime = runtime = HELD.runtime
        self.answer: Any = None
        """What the call returned, where it is read later."""
        self.before = around
        self.landed = False
        self.left_at: float | None = None
        self._ended_ns: int | None = None
        self._generation: Generation | None = None
        self._first: Any = None
        self._first_at: float | None = None
        self._reads = route.chunk
        self._hides = route.surplus if asked.asked_for_usage else None
        tracer = runtime.tracer
        self._sent = asked.sent if type(tracer) is OwnTracer and runtime.config.capture_content else None
        model = self._read_request(asked.request) if self._sent is None else asked.request.get("model")
        if REMEMBERED.any and self._open().prompt is None:
            self._open().use_prompt(asked.request, route.prompt_in)
        self.span: Span = tracer.start_span(f"{route.operation} {model}" if model else route.operation, around, _CLIENT)
        if around:
            tell(route.kind, around)
            if isinstance(escorted := around.get(ESCORTED), list):
                escorted.append(self)
        self._aloft = [route.kind]
        self.context = Context({**around, SPAN_KEY: self.span, IN_FLIGHT: self._aloft})
        self._started = perf_counter()

    def _open(self) -> Generation:
        """Return what the span will say, begun where it was not."""
        generation = self._generation
        if generation is None:
            asked, route = self._asked, self.route
            self._generation = generation = Generation(content=self._runtime.config.capture_content)
            attributes = generation.attributes
            attributes[v.KIND] = route.kind
            attributes[v.OPERATION_NAME] = route.operation
            attributes[v.PROVIDER_NAME] = asked.provider
            if asked.address:
                attributes[v.SERVER_ADDRESS] = asked.address
                if asked.port is not None:
                    attributes[v.SERVER_PORT] = asked.port
        return generation

    def _read_request(self, request: bytes | Mapping[str, Any]) -> Any:
        """Read what is asked, or keep it to be read when there is time; return which model."""
        generation, route = self._open(), self.route
        if isinstance(request, bytes):
            generation.kept = route.request, request
            return None
        can_wait = route.prompt_in and generation.content and type(self._runtime.tracer) is OwnTracer
        if can_wait and generation.keep(route.request, request):
            return request.get("model")
        prompt = generation.prompt
        with guard():
            route.request(generation, request)
        generation.prompt = generation.prompt or prompt
        return generation.attributes.get(v.REQUEST_MODEL)

    def stop_clock(self) -> None:
        """Note that the answer is here, even if the span ends later."""
        self._ended_ns = time_ns()

    def leave(self) -> None:
        """Note that a loop over the stream was left, maybe for good."""
        self.left_at = monotonic()
        self.stop_clock()

    def resume(self) -> None:
        """Note that the stream is read on after all."""
        self.left_at = self._ended_ns = None

    def whole(self, result: Any) -> None:
        """Record a whole response and land."""
        try:
            self.route.response(self._open(), result)
        except Exception as error:
            if not swallowed(error):
                raise
        self.land()

    def see(self, chunk: Any) -> bool:
        """Record one chunk of a stream; return whether it is to be kept from the application.

        The first one, which the application waits for most, is read when it has it.
        """
        try:
            if self._first_at is None:
                self._first_at = perf_counter()
                self._first = chunk
            elif self._reads is not None and not self.landed:
                if self._first is not None:
                    self._read_first()
                self._reads(self._generation or self._open(), chunk)
        except Exception as error:
            if not swallowed(error):
                raise
        if self._hides is None:
            return False
        try:
            return self._hides(chunk)
        except Exception as error:
            if not swallowed(error):
                raise
            return False

    def _read_first(self) -> None:
        chunk, self._first = self._first, None
        if self._reads is not None:
            self._reads(self._open(), chunk)

    def fail(self, error: BaseException, *, midway: bool = False) -> None:
        """Land with what the application is about to see raised, maybe in the midst of a stream."""
        kind = "error" if isinstance(error, Exception) else "cancelled"
        self.land(kind if midway else None, error)

    def land(self, stream_end: str | None = None, error: BaseException | None = None) -> None:
        """End the span, once."""
        if self.landed:
            return
        self.landed = True
        self._aloft.clear()
        closed(self)
        span = self.span
        try:
            self._tell(stream_end, error)
        except Exception as raised:
            if not swallowed(raised):
                raise
        finally:
            with guard():
                span.end(self._ended_ns)

    def _tell(self, stream_end: str | None, error: BaseException | None) -> None:
        span, generation = self.span, self._open()
        attributes = generation.attributes
        if self._sent is not None:
            with guard():
                self._read_request(self._sent(self._asked.request, error if self.answer is None else self.answer))
        self.answer = None
        if self._first_at is not None:
            attributes[v.TIME_TO_FIRST_CHUNK] = self._first_at - self._started
        if self._first is not None:
            with guard():
                self._read_first()
        if stream_end is not None:
            attributes[v.STREAM_END] = stream_end
        failure = generation.failure if error is None else (type(error).__qualname__, _sentence(error))
        if failure is not None:
            attributes[v.ERROR_TYPE] = failure[0]
            span.set_status(Status(StatusCode.ERROR, failure[1]))
        try:
            generation.finish_up()
        finally:
            tell_all = generation.telling()
            if type(span) is OwnSpan:
                span.fill, span.later_chars = tell_all, generation.chars()
            else:
                said: dict[str, Any] = {}
                try:
                    tell_all(said)
                finally:
                    span.set_attributes(said)


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__qualname__
