"""One thread at a time works through spans: Python runs one anyway, and several that fight over it cost half more."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType
from typing import Final

#: Spans worked through before another request has its turn.
SPANS_A_TURN: Final = 512
#: The same of what nobody waits for: a request that comes meanwhile waits for no more than these.
SPANS_BEHIND: Final = 32
#: What nobody waits for has its turn after so long even where requests wait.
_LONGEST_BEHIND_S: Final = 0.1
#: Who takes a turn lets pages pass for so long: about as long as one takes.
LONGEST_FOR_PAGES_S: Final = 0.03
#: Somebody who looked at a page so lately looks at the next one soon.
_LATELY_S: Final = 1.0


class Turns:
    """A lock that is handed on in the order in which it was asked for, so that nobody waits for ever."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()
        self._behind: deque[tuple[float, threading.Lock]] = deque()
        """Each with the time at which it goes first."""
        self.behind = Behind(self)
        """Takes a turn for what nobody waits for: those of requests come first."""
        self.pages = Pages()
        """Somebody looks at a screen while they are made: for a moment they go before all turns."""

    def __enter__(self) -> None:
        """Wait for one's turn."""
        self.take(behind=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand the turn on."""
        self.hand_on()

    def take(self, *, behind: bool) -> None:
        """Wait for a turn."""
        self.pages.let_pass(_LONGEST_BEHIND_S if behind else LONGEST_FOR_PAGES_S)
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            ticket = threading.Lock()
            ticket.acquire()
            if behind:
                self._behind.append((time.monotonic() + _LONGEST_BEHIND_S, ticket))
            else:
                self._waiting.append(ticket)
        ticket.acquire()

    def hand_on(self) -> None:
        """Hand the turn to who has waited longest; to one behind only where no other waits, or it has for long."""
        with self._guard:
            if self._behind and (not self._waiting or self._behind[0][0] <= time.monotonic()):
                self._behind.popleft()[1].release()
            elif self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class Pages:
    """Counts the pages that are being made; whoever works through spans lets them pass."""

    def __init__(self) -> None:
        self._made = 0
        self._ended_at = -_LATELY_S
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        """Begin a page."""
        with self._changed:
            self._made += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        with self._changed:
            self._made -= 1
            self._ended_at = time.monotonic()
            if not self._made:
                self._changed.notify_all()

    def let_pass(self, longest_s: float) -> None:
        """Wait until no page is being made, but no longer than that: pages may follow one another without end."""
        if self._made:
            with self._changed:
                self._changed.wait_for(self._none_made, longest_s)

    @property
    def are_asked_for(self) -> bool:
        """Whether a page is being made, or was a moment ago."""
        return bool(self._made) or time.monotonic() - self._ended_at < _LATELY_S

    def _none_made(self) -> bool:
        return not self._made


class Behind:
    """Takes turns behind those of requests."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        """Wait for a turn."""
        self._turns.take(behind=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand it on."""
        self._turns.hand_on()
