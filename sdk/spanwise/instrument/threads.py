"""Threads begin inside of the span and the ``context`` block that start them, and stay there while those are open.

OpenTelemetry's own instrumentation of threads hands the whole context on for good: a worker that the first request
happens to start then files the work of all later ones under that first request.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections.abc import Callable
from time import time_ns
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context

from ..context import GRACE_NS, current_attributes, lend_frame
from ..safety import guard
from .engine import Provider
from .undo import replaced

#: Whose threads do the work of whoever comes, and are told by whom with each piece of it, if at all.
_POOLS: Final = frozenset({
    "anyio", "apscheduler", "celery", "concurrent", "grpc", "joblib", "kombu", "multiprocessing", "opentelemetry",
    "spanwise", "trio",
})  # fmt: skip


#: Longest that a thread stays inside of a span whose end nobody tells.
_LONGEST_NS: Final = 600 * 1_000_000_000


class Elsewhere(trace.NonRecordingSpan):
    """Stands in a thread for a span that is recorded elsewhere, or nowhere, which it does not keep alive.

    Such a span is never told that it has ended. Whoever is inside of it holds it, so it is over once nobody does; at
    the latest after ten minutes, since a thread that what is held by mistake would keep in there is one too many.
    """

    def __init__(self, span: trace.Span) -> None:
        super().__init__(span.get_span_context())
        self._began_ns = time_ns()
        self._left_ns: int | None = None
        self._span = weakref.ref(span, self._left)

    def _left(self, _gone: object) -> None:
        self._left_ns = time_ns()

    @property
    def end_time(self) -> int | None:
        """When it was over, ``None`` while it is not."""
        return self._left_ns if time_ns() - self._began_ns < _LONGEST_NS else self._began_ns


class Lent(Context):
    """The context that a thread was started in, for as long as its span is open; then there is nothing in it."""

    _span: trace.Span

    @classmethod
    def of(cls, here: Context) -> Lent | None:
        """Return what a thread that is started *here* gets; ``None`` where there is no span that is open."""
        span = trace.get_current_span(here)
        if _is_over(span):
            return None
        if not span.is_recording() and not isinstance(span, Elsewhere):
            span = Elsewhere(span)
            here = trace.set_span_in_context(span, here)
        made = cls(here)
        made._span = span
        return made

    def get(self, key: str, default: Any = None) -> Any:
        """Return what is said under *key*."""
        self._settle()
        return dict.get(self, key, default)

    def copy(self) -> dict[str, Any]:
        """Return what is said, to be added to."""
        self._settle()
        return dict(self)

    def _settle(self) -> None:
        if self and _is_over(self._span):
            dict.clear(self)


def _is_over(span: trace.Span) -> bool:
    if span.is_recording():
        return False
    ended: int | None = getattr(span, "end_time", None)  # one that is recorded elsewhere has none
    if ended is None:
        return not span.get_span_context().is_valid
    return time_ns() - ended > GRACE_NS


def _inside(thread: threading.Thread) -> Callable[[], None] | None:
    """Return a ``run`` for *thread* that begins inside of what is around here; ``None`` where it has to do as it is."""
    here = otel_context.get_current()
    if not here and current_attributes() is None:
        return None
    if thread.ident is not None or _is_of_a_pool(thread) or _is_told_by_python(thread):
        return None
    lent, enter_frame, run = Lent.of(here), lend_frame(), thread.run
    if lent is None and enter_frame is None:
        return None
    whole = isinstance(thread, threading.Timer)  # does one thing, and once
    around: Context | None = here if whole and lent is not None else lent

    def run_inside() -> None:
        with guard():
            thread.__dict__.pop("run", None)
            if around is not None:
                otel_context.attach(around)
            if enter_frame is not None:
                enter_frame()
        run()

    return run_inside


def _is_of_a_pool(thread: threading.Thread) -> bool:
    target = getattr(thread, "_target", None)
    does = type(thread) if target is None else getattr(target, "func", target)  # of a ``partial``, what is in it
    return str(getattr(does, "__module__", None)).partition(".")[0] in _POOLS


def _is_told_by_python(thread: threading.Thread) -> bool:
    """Whether Python itself hands a context on, as from 3.14 it may."""
    return getattr(thread, "_context", None) is not None or bool(getattr(sys.flags, "thread_inherit_context", 0))


def _switch_on(module: Any) -> Callable[[], None]:
    on = [True]

    def make(start: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(start)
        def start_inside(self: threading.Thread) -> None:
            run = None
            with guard():
                run = _inside(self) if on else None
                if run is not None:
                    self.run = run  # type: ignore[method-assign]  # for this thread alone
            try:
                start(self)
            except BaseException:
                if run is not None and self.__dict__.get("run") is run:
                    del self.run
                raise

        return start_inside

    restore = replaced(module.Thread, "start", make)

    def switch_off() -> None:
        on.clear()  # somebody may have wrapped ours since, and keeps it
        restore()

    return switch_off


THREADS: Final = Provider("threads", "threading", {}, on_patch=_switch_on)
