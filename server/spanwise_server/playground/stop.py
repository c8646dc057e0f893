"""Stops calls that are under way: no further one begins, and those that wait for a provider are hung up on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

#: Is told of the socket of each connection that a call opens.
OnLine = Callable[[socket.socket], None]


class Stop:
    """Set once, by anyone."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def is_set(self) -> bool:
        """Return whether to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait, unless it is time to stop; return whether it is."""
        return self._event.wait(seconds)

    def set(self) -> None:
        """Stop, and hang up on whoever is being waited for."""
        self._event.set()
        with self._lock:
            for line in self._open:
                _hang_up(line)

    @contextmanager
    def lines(self) -> Iterator[OnLine]:
        """Give what the connections of one call are noted with while it lasts."""
        mine: list[socket.socket] = []

        def note(line: socket.socket) -> None:
            held = line.dup()  # outlives the layer of encryption that takes the socket over
            mine.append(held)
            with self._lock:
                self._open.add(held)
                if self._event.is_set():
                    _hang_up(held)

        try:
            yield note
        finally:
            with self._lock:
                self._open.difference_update(mine)
            for held in mine:
                held.close()


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        line.shutdown(socket.SHUT_RDWR)
