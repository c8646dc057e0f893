"""Generators of a client's own around the streams of its calls: what ends such a generator, ends them."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from types import AsyncGeneratorType, GeneratorType, ModuleType
from typing import Any

from opentelemetry import context as otel_context

from .engine import ESCORTED, Flight
from .left import closed
from .stream import ObservedGenerator, observe_as
from .undo import replaced


class Escort:
    """What the calls that one generator makes have in common; a stream is seen off by it as by a single call."""

    __slots__ = ("__weakref__", "context", "flights", "landed", "left_at")

    def __init__(self) -> None:
        around = otel_context.get_value(ESCORTED)  # a client's generator may be around another of its own
        self.flights: list[Flight] = around if isinstance(around, list) else []
        self.context = otel_context.set_value(ESCORTED, self.flights)
        self.landed = False
        self.left_at: float | None = None

    def see(self, _chunk: Any) -> bool:
        """Let a chunk pass: the calls themselves have seen it."""
        return False

    def leave(self) -> None:
        """Note that the loop over the generator was left, maybe for good."""
        self.left_at = time.monotonic()
        for flight in self.flights:
            flight.leave()

    def resume(self) -> None:
        """Note that the generator is read on after all."""
        self.left_at = None
        for flight in self.flights:
            flight.resume()

    def fail(self, error: BaseException, *, midway: bool = False) -> None:
        """End what is still open with what the application is about to see raised."""
        self.landed = True
        closed(self)
        for flight in self.flights:
            flight.fail(error, midway=midway)

    def land(self, stream_end: str | None = None) -> None:
        """End what is still open."""
        self.landed = True
        closed(self)
        for flight in self.flights:
            flight.land(stream_end)


def escort_method(owner: type | ModuleType, name: str) -> Callable[[], None]:
    """Wrap a method that makes such a generator; return the function that puts the original back."""

    def escorted(original: Callable[..., Any]) -> Callable[..., Any]:
        return (_escort_async if inspect.iscoroutinefunction(original) else _escort)(original)

    return replaced(owner, name, escorted)


def _escort(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def escorted(*args: Any, **kwargs: Any) -> Any:
        escort = Escort()
        before = otel_context.get_current()
        otel_context.attach(escort.context)
        try:
            result = original(*args, **kwargs)
        finally:
            otel_context.attach(before)
        return _seen_off(result, escort)

    return escorted


def _escort_async(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def escorted(*args: Any, **kwargs: Any) -> Any:
        escort = Escort()
        before = otel_context.get_current()
        otel_context.attach(escort.context)
        try:
            result = await original(*args, **kwargs)
        finally:
            if otel_context.get_current() is escort.context:
                otel_context.attach(before)
        return _seen_off(result, escort)

    return escorted


def _seen_off(result: Any, escort: Escort) -> Any:
    if not isinstance(result, GeneratorType | AsyncGeneratorType):
        return result
    return observe_as(ObservedGenerator, result, escort)
