"""Streams and raw responses as the application gets them: the client's own, seen on their way through."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import lru_cache
from types import AsyncGeneratorType, GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry import context as otel_context

from ..safety import guard
from .engine import Flight
from .left import InTheAir, land_block, leave, opened

if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy


def arrive(flight: Flight, result: Any) -> Any:
    """Record a whole response now, a stream as its chunks go by, a raw response when it is parsed."""
    observed = _observer(type(result))  # type: ignore[arg-type]  # any class can be hashed
    if observed is None or (observed is ObservedRawResponse and not hasattr(result, "http_response")):
        flight.whole(result)
        return result
    flight.answer = result
    if observed is ObservedRawResponse and getattr(result.http_response, "is_closed", False):
        flight.stop_clock()
    made = observed(result)
    made._self_flight = flight  # noqa: SLF001  # here and not in an ``__init__``, which takes as long as all else
    opened(flight)
    return made


@lru_cache(maxsize=256)  # looking for what a class has not takes long
def _observer(kind: type) -> Callable[[Any], Any] | None:
    """Return what observes results of a class that are no whole responses."""
    if issubclass(kind, GeneratorType | AsyncGeneratorType):
        return _shaped(ObservedGenerator, kind)
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        return _shaped(ObservedStream, kind)
    return ObservedRawResponse if hasattr(kind, "parse") else None


def observe_as(observed: type[ObservedStream], stream: Any, flight: InTheAir) -> ObservedStream:
    """Return *stream* observed in the way of *observed*, for *flight*."""
    made = _shaped(observed, type(stream))(stream)
    made._self_flight = flight  # noqa: SLF001  # its own module
    opened(flight)
    return made


def _advance(self: Any) -> Any:
    """Return the next chunk of a stream, or of a loop over it, that is for the application."""
    flight = self._self_flight
    if flight.left_at is not None:
        flight.resume()
    try:
        chunk = next(self.__wrapped__)
        while flight.see(chunk):
            chunk = next(self.__wrapped__)
    except StopIteration:
        flight.land("exhausted")
        raise
    except BaseException as error:
        flight.fail(error, midway=True)
        raise
    return chunk


async def _advance_later(self: Any) -> Any:
    """Return the next chunk as ``_advance`` does, of what is asynchronous."""
    flight = self._self_flight
    if flight.left_at is not None:
        flight.resume()
    try:
        chunk = await self.__wrapped__.__anext__()
        while flight.see(chunk):
            chunk = await self.__wrapped__.__anext__()
    except StopAsyncIteration:
        flight.land("exhausted")
        raise
    except BaseException as error:
        flight.fail(error, midway=True)
        raise
    return chunk


class ObservedStream(_Proxy):
    """The client's own stream: it has every method and passes every type check of the original."""

    __slots__ = ("_self_flight",)
    _self_flight: InTheAir

    def __iter__(self) -> Any:
        return _Pass(self, self.__wrapped__, self._self_flight)

    def __aiter__(self) -> Any:
        return _AsyncPass(self, self.__wrapped__, self._self_flight)

    __next__ = _advance
    __anext__ = _advance_later

    def __enter__(self) -> Any:
        self.__wrapped__.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        land_block(self._self_flight, error)
        return self.__wrapped__.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Any:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        land_block(self._self_flight, error)
        return await self.__wrapped__.__aexit__(kind, error, traceback)

    def close(self) -> Any:
        """Close the stream and end the span; of an asynchronous stream the result is to be awaited."""
        self._self_flight.land("closed")
        return self.__wrapped__.close()

    @property
    def aclose(self) -> Callable[[], Any]:
        """Close as ``close`` does, on streams that have it under this name."""
        return _landing_first(self._self_flight, self.__wrapped__.aclose)

    @property
    def response(self) -> Any:
        """The HTTP response, which some helpers close instead of the stream."""
        return _ObservedBody(self.__wrapped__.response, self._self_flight)

    def __del__(self) -> None:
        self._self_flight.land("abandoned")


_SYNC: Final = ("__iter__", "__next__", "__enter__", "__exit__")
_ASYNC: Final = ("__aiter__", "__anext__", "__aenter__", "__aexit__")


_SHAPED: Final[dict[tuple[type, bool, bool], type[ObservedStream]]] = {}


def _shaped(observed: type[ObservedStream], kind: type) -> type[ObservedStream]:
    """Return *observed* for streams of a class, without what only those of the other sort have.

    Who asks whether a stream is an ``AsyncIterator`` asks our class too, and would believe it.
    """
    sync, asynchronous = (any(hasattr(kind, name) for name in names[:2]) for names in (_SYNC, _ASYNC))
    if sync and asynchronous:
        return observed
    found = _SHAPED.get((observed, sync, asynchronous))
    if found is None:
        found = type(observed.__name__, (observed,), dict.fromkeys(_ASYNC if sync else _SYNC))
        _SHAPED[observed, sync, asynchronous] = found
    return found


class ObservedGenerator(ObservedStream):
    """A stream that is a generator: what it does, it does while it is read, and then in the call's context."""

    def __iter__(self) -> Any:
        return _GeneratorPass(self, self.__wrapped__, self._self_flight)

    def __aiter__(self) -> Any:
        return _AsyncGeneratorPass(self, self.__wrapped__, self._self_flight)

    def __next__(self) -> Any:
        before = otel_context.get_current()
        otel_context.attach(self._self_flight.context)
        try:
            return super().__next__()
        finally:
            otel_context.attach(before)

    async def __anext__(self) -> Any:
        before = otel_context.get_current()
        otel_context.attach(self._self_flight.context)
        try:
            return await super().__anext__()
        finally:
            if otel_context.get_current() is self._self_flight.context:  # it may be closed in another's context
                otel_context.attach(before)


class ObservedIterable(ObservedStream):
    """A stream that can only be looped over: a loop goes on where the one before it was left."""

    _self_loop: Any = None

    def __iter__(self) -> Any:
        if self._self_loop is None:
            self._self_loop = iter(self.__wrapped__)
        return _Pass(self, self._self_loop, self._self_flight)

    def __aiter__(self) -> Any:
        if self._self_loop is None:
            self._self_loop = aiter(self.__wrapped__)
        return _AsyncPass(self, self._self_loop, self._self_flight)


class ObservedRawResponse(_Proxy):
    """The client's own raw response; it is read for us when the application parses it, never earlier."""

    _self_flight: Flight
    _self_stream: ObservedStream | None = None

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Parse as the client does; of an asynchronous response the result may have to be awaited."""
        result = self.__wrapped__.parse(*args, **kwargs)
        if inspect.iscoroutine(result):
            return self._self_parsed_later(result, own=not args and not kwargs)
        return self._self_parsed(result, own=not args and not kwargs)

    def close(self) -> Any:
        """Close the response and end the span."""
        self._self_end("closed")
        return self.__wrapped__.close()

    @property
    def aclose(self) -> Callable[[], Any]:
        """Close as ``close`` does, on responses that have it under this name."""
        return _landing_first(self._self_flight, self.__wrapped__.aclose)

    def __del__(self) -> None:
        if self._self_stream is None:
            self._self_end("abandoned")

    async def _self_parsed_later(self, pending: Coroutine[Any, Any, Any], *, own: bool) -> Any:
        return self._self_parsed(await pending, own=own)

    def _self_parsed(self, result: Any, *, own: bool) -> Any:
        kind = type(result)
        if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
            if self._self_stream is None or self._self_stream.__wrapped__ is not result:
                self._self_stream = observe_as(ObservedStream, result, self._self_flight)
            return self._self_stream
        if own and not self._self_flight.landed:  # of another class, our readers could not know the fields
            self._self_flight.whole(result)
        return result

    def _self_end(self, stream_end: str) -> None:
        flight = self._self_flight
        if flight.landed:
            return
        if self._self_stream is not None:
            flight.land(stream_end)
            return
        result = _unparsed(self.__wrapped__)
        if result is None:
            flight.land()
        else:
            flight.whole(result)


class _ObservedBody(_Proxy):
    """The HTTP response below a stream; closing it closes the stream."""

    def __init__(self, response: Any, flight: InTheAir) -> None:
        super().__init__(response)
        self._self_flight = flight

    def close(self) -> Any:
        """Close the response and end the span."""
        self._self_flight.land("closed")
        return self.__wrapped__.close()

    @property
    def aclose(self) -> Callable[[], Any]:
        """Close as ``close`` does."""
        return _landing_first(self._self_flight, self.__wrapped__.aclose)


class _Loop:
    """One loop over a stream: when the loop is left, the stream may be too."""

    __slots__ = ("__wrapped__", "_self_flight", "_stream")

    def __init__(self, stream: ObservedStream, source: Any, flight: InTheAir) -> None:
        self._stream = stream  # which ends once nothing holds it
        self.__wrapped__ = source
        self._self_flight = flight

    def __del__(self) -> None:
        leave(self._self_flight)


class _Pass(_Loop):
    """One loop over a stream."""

    __slots__ = ()

    def __iter__(self) -> _Pass:
        return self

    __next__ = _advance

    def close(self) -> None:
        """Leave the loop, as a generator is left."""
        leave(self._self_flight)


class _AsyncPass(_Loop):
    """One asynchronous loop over a stream."""

    __slots__ = ()

    def __aiter__(self) -> _AsyncPass:
        return self

    __anext__ = _advance_later

    async def aclose(self) -> None:
        """Leave the loop, as an asynchronous generator is left."""
        leave(self._self_flight)


class _GeneratorPass(_Pass):
    """One loop over a stream that is a generator."""

    __slots__ = ()

    def __next__(self) -> Any:
        return self._stream.__next__()


class _AsyncGeneratorPass(_AsyncPass):
    """One loop over a stream that is an asynchronous generator."""

    __slots__ = ()

    def __anext__(self) -> Any:
        return self._stream.__anext__()


def _landing_first(flight: InTheAir, call: Callable[[], Any]) -> Callable[[], Any]:
    def closing() -> Any:
        flight.land("closed")
        return call()

    return closing


def _unparsed(response: Any) -> Any:
    """Return what a raw response says that the application never parsed; ``None`` where its body was not read."""
    result = None
    with guard():
        try:
            if not response.http_response.content:
                return None
            result = response.parse()
            if inspect.iscoroutine(result):
                result = _driven(result)
        except Exception:  # noqa: BLE001  # whatever the client raises is its own refusal
            return None  # not read, or not what the client expects
        if hasattr(type(result), "__next__") or hasattr(type(result), "__anext__"):
            return None
    return result


def _driven(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that has nothing to wait for, since the body is in memory."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    return None
