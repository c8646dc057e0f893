"""The memory that requests may take together: bytes are counted from the first chunk until the spans are on disk."""

from __future__ import annotations

import threading
from types import TracebackType

from ..errors import Overloaded


class Room:
    """So many bytes for all requests under way; who finds it full is asked to come back."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many bytes are taken now."""
        return self._taken

    def hold(self) -> Held:
        """Return an empty share of the room, which is given back when its block ends."""
        return Held(self)

    def _take(self, size: int, own: int) -> None:
        with self._lock:
            # Alone, a request is taken however large it is, or it could never be taken at all.
            if self._taken > own and self._taken + size > self._most:
                raise Overloaded(
                    f"Requests of {self._taken // 1_000_000} MB are under way (SPANWISE_MAX_QUEUED_MB).",
                    "Send the same again in a second.",
                )
            self._taken += size

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._taken -= size


class Held:
    """The bytes of one request."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0

    def take(self, size: int) -> None:
        """Take *size* bytes more; raises Overloaded where they are not to be had."""
        self._room._take(size, self._size)  # noqa: SLF001  # a room and its shares are one
        self._size += size

    def __enter__(self) -> Held:  # noqa: PYI034  # Self is not in the standard library of Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give everything back."""
        self._room._give_back(self._size)  # noqa: SLF001  # as above
        self._size = 0
