"""Streams whose loop was left: ended if nobody goes on reading them within a grace period."""

from __future__ import annotations

import threading
import time
from typing import Final

from ..runtime import HELD
from .engine import Flight

_GRACE_S: Final = 1.0
_LEFT: Final[dict[int, Flight]] = {}
_LEFT_LOCK: Final = threading.RLock()  # the collector may leave a loop in the midst of anything here


def leave(flight: Flight) -> None:
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
