"""Take the context along: into threads, pools of threads and processes, and over HTTP."""

from __future__ import annotations

import contextvars
import functools
import sys
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from . import vocabulary as v
from .context import context, current_attributes
from .encode import from_json, to_json
from .safety import guard

if TYPE_CHECKING:
    from typing_extensions import Self

P = ParamSpec("P")
R = TypeVar("R")

_TRACE: Final = TraceContextTextMapPropagator()
_BAGGAGE: Final = W3CBaggagePropagator()
#: What of ``spanwise.context`` goes along in W3C baggage: never content, and nothing unless it is asked for.
_CARRIED: Final = (v.SESSION_ID, v.USER_ID, v.TAGS, v.METADATA, v.ENVIRONMENT)
#: The longest baggage that every part of the way has to let through.
_MOST_BAGGAGE: Final = 8_000


def carry(function: Callable[P, R], /) -> Callable[P, R]:
    """Return *function* such that it runs in the context of here and now, in whatever thread it is called.

    For callbacks, and for a thread whose work outlives the span that starts it; an executor is wrapped as a whole.
    """
    here = contextvars.copy_context()

    @functools.wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        return here.copy().run(function, *args, **kwargs)  # a copy each: one cannot be entered twice at a time

    return carried


def wrap_executor(executor: Executor) -> Executor:
    """Return an executor whose work is done in the context in which it is submitted, by the threads of *executor*.

    A pool of processes gets trace, session, user, tags and metadata; its processes record where they call
    ``spanwise.init()``, or were forked after it.
    """
    return _Carrying(executor)


class _Carrying(Executor):
    """An executor in front of another one."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Submit work together with the context."""
        process = sys.modules.get("concurrent.futures.process")  # 5 ms to import, for what most programs never use
        if process is not None and isinstance(self._inner, process.ProcessPoolExecutor):
            taken: Future[R] = self._inner.submit(_arrive, inject(), fn, *args, **kwargs)
            return taken
        return self._inner.submit(carry(fn), *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # theirs
        """Shut the other one down."""
        self._inner.shutdown(wait, cancel_futures=cancel_futures)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _arrive(carrier: Mapping[str, str], fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> R:
    with extract(carrier):
        return fn(*args, **kwargs)


def inject(headers: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Put trace, session, user, tags and metadata into *headers* of a request, and return them; new ones where none.

    They are W3C ``traceparent``, ``tracestate`` and ``baggage``.  Only for requests to services of your own: whoever
    gets them learns who the user is.
    """
    carrier: MutableMapping[str, str] = {} if headers is None else headers
    with guard():
        _TRACE.inject(carrier)
        here = otel_context.get_current()
        for name, value in (current_attributes() or {}).items():
            if name in _CARRIED:
                here = baggage.set_baggage(name, value if isinstance(value, str) else to_json(value), here)
        found: dict[str, str] = {}
        _BAGGAGE.inject(found, here)
        if 0 < len(said := found.get("baggage", "")) <= _MOST_BAGGAGE:
            carrier["baggage"] = said
    return carrier


class extract:  # noqa: N801  # used as a word: ``with spanwise.extract(request.headers):``
    """Go on, for a block, in the trace that a request's *headers* tell of, with its session, user, tags and metadata.

    Headers that tell nothing, or nonsense, change nothing.  Use it as ``with`` or ``async with``.
    """

    __slots__ = ("_before", "_entered", "_headers", "_here")

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._before: otel_context.Context | None = None
        self._here: otel_context.Context | None = None
        self._entered: context | None = None

    def __enter__(self) -> Self:
        with guard():
            carrier = {str(name).lower(): str(value) for name, value in self._headers.items()}
            found = _BAGGAGE.extract(carrier, _TRACE.extract(carrier, otel_context.get_current()))
            if trace.get_current_span(found).get_span_context().is_valid:
                self._before, self._here = otel_context.get_current(), found
                otel_context.attach(found)
            said = {name: value for name in _CARRIED if isinstance(value := baggage.get_baggage(name, found), str)}
            if said:
                self._entered = _context(said)
                self._entered.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._entered is not None:
            self._entered.__exit__(kind, error, traceback)
        if self._before is not None and otel_context.get_current() is self._here:
            otel_context.attach(self._before)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def _context(said: Mapping[str, str]) -> context:
    tags, metadata = from_json(said.get(v.TAGS, "[]")), from_json(said.get(v.METADATA, "{}"))
    return context(
        session_id=said.get(v.SESSION_ID),
        user_id=said.get(v.USER_ID),
        tags=[tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else (),
        metadata=metadata if isinstance(metadata, dict) else None,
        environment=said.get(v.ENVIRONMENT),
    )
