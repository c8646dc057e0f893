"""Streams that nobody ends: those whose loop was left, and those still open when recording stops."""

from __future__ import annotations

import threading
import time
from typing import Any, Final, Protocol

from opentelemetry.context import Context

from ..runtime import HELD


class InTheAir(Protocol):
    """A call whose stream is open, or several."""

    context: Context
    landed: bool
    left_at: float | None

    def see(self, chunk: Any) -> bool:
        """Take a chunk; return whether it is to be kept from the application."""

    def fail(self, error: BaseException, *, midway: bool = False) -> None:
        """End the span with what is about to be raised."""

    def resume(self) -> None:
        """Note that it is read on after all."""

    def leave(self) -> None:
        """Note that the loop was left."""

    def land(self, stream_end: str | None = None) -> None:
        """End the span."""


_GRACE_S: Final = 1.0
_LEFT: Final[dict[int, InTheAir]] = {}
_OPEN: Final[set[InTheAir]] = set()
_LEFT_LOCK: Final = threading.RLock()  # the collector may leave a loop in the midst of anything here


opened: Final = _OPEN.add
"""Notes that a stream was opened; whatever drops it ends it."""
closed: Final = _OPEN.discard
"""Notes that a call has ended."""


def settle_open() -> None:
    """End the spans of all streams that are still open, because nothing is recorded after this."""
    for flight in list(_OPEN):
        flight.land("abandoned")


def land_block(flight: InTheAir, error: BaseException | None) -> None:
    """End the span of a stream whose block is left, by *error* where that ends it.

    The application failed while it read; that the stream was closed for it is not the stream's failure.
    """
    whole = error is None or isinstance(error, Exception | GeneratorExit)
    flight.land("closed" if whole else "cancelled")


def leave(flight: InTheAir) -> None:
    """Note that a loop was left: a stream that nobody goes on reading within a second has ended there."""
    if not flight.landed:
        flight.leave()
        with _LEFT_LOCK:
            _LEFT[id(flight)] = flight
        exporter = HELD.runtime.exporter
        if exporter is not None:
            exporter.start()  # its thread comes back to this


def settle_left(grace_s: float = _GRACE_S) -> None:
    """End the spans of streams whose loop was left *grace_s* seconds ago and not taken up again."""
    if not _LEFT:
        return
    with _LEFT_LOCK:
        waiting = list(_LEFT.values())
    now = time.monotonic()
    for flight in waiting:
        left_at = flight.left_at
        if left_at is not None and not flight.landed and now - left_at < grace_s:
            continue
        with _LEFT_LOCK:
            _LEFT.pop(id(flight), None)
        if left_at is not None:
            flight.land("abandoned")
