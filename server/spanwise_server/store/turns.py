"""One thread at a time works through spans: Python runs one anyway, and several that fight over it cost half more."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType
from typing import Final

#: Spans worked through before another request has its turn.
SPANS_A_TURN: Final = 512


class Turns:
    """A lock that is handed on in the order in which it was asked for, so that nobody waits for ever."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        """Wait for one's turn."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        ticket.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand the turn to whoever has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
