"""Iterators over what was made earlier: each item is told of as the application gets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry import context as otel_context

from ..safety import guard
from .left import closed
from .stream import ObservedStream, observe_as


class Passing:
    """An iterator of a client's whose items are told of as the application gets them, and that is no call itself."""

    __slots__ = ("__weakref__", "_see", "context", "landed", "left_at")

    def __init__(self, see: Callable[[Any], None]) -> None:
        self._see = see
        self.context = otel_context.get_current()
        self.landed = True
        self.left_at: float | None = None

    def see(self, item: Any) -> bool:
        """Tell of an item; it is the application's."""
        with guard():
            self._see(item)
        return False

    def fail(self, error: BaseException, *, midway: bool = False) -> None:  # noqa: ARG002  # as streams of calls do
        """Note that the iterator has ended."""
        closed(self)

    def leave(self) -> None:
        """Leave a loop that was left as it is."""

    def resume(self) -> None:
        """Go on."""

    def land(self, stream_end: str | None = None) -> None:  # noqa: ARG002  # as streams of calls do
        """Note that the iterator has ended."""
        closed(self)


def passing(iterator: Any, see: Callable[[Any], None]) -> Any:
    """Return *iterator* observed, which reads no more and no earlier than the application does."""
    return observe_as(ObservedStream, iterator, Passing(see))
