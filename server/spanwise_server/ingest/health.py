"""How ingest has gone since the server started: counts, the time commits took, and what was refused last."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import SpanwiseError
from .batch import Refusals
from .otlp import Signal

#: Upper bounds, in seconds, of what the time until a commit is counted by.
COMMIT_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: How many mishaps are remembered.
MISHAPS: Final = 100
#: How many of them alike: a sender that tries again and again leaves room for what else was refused.
MISHAPS_ALIKE: Final = 5
SHOWN_CHARS: Final = 500
#: Programs whose losses are told apart.
SENDERS: Final = 10_000
DROPPED: Final = "dropped_by_sender"
_TOLD: Final = re.compile(r"([0-9a-f]{32})=(\d{1,12})")
_FULL: Final = "{} more were dropped by the program itself: its memory or its spool was full, or `before_send` said so."


@dataclass(frozen=True, slots=True)
class Mishap:
    """One span, log record or whole request that was refused."""

    at_ns: int
    signal: Signal
    reason: str
    """One of ``batch.REASONS``, or the code of the error that the whole request was answered with."""
    sentence: str
    project: str | None = None
    """``None`` where each resource names its own."""
    name: str = ""
    scope: str = ""

    @property
    def kind(self) -> tuple[str | None, ...]:
        """What it shares with those that are alike."""
        return self.signal, self.reason, self.project, self.name, self.scope


@dataclass(frozen=True, slots=True)
class State:
    """The figures at one moment."""

    since_ns: int
    accepted: Mapping[Signal, int]
    refused: Mapping[tuple[Signal, str], int]
    """Spans, log records and data points by signal and reason."""
    turned_away: Mapping[tuple[Signal, str], int]
    """Whole requests by signal and error code."""
    commits: tuple[int, ...]
    """How many requests waited at most so long, one number for each of ``COMMIT_BOUNDS_S`` and one for the rest."""
    commit_s: float
    """How long all of them waited together."""
    mishaps: tuple[Mishap, ...]
    """The newest first."""
    dropped: int
    """Spans and annotations that programs say they had to drop, and never sent."""

    def commit_percentile_s(self, share: float) -> float | None:
        """Return the bound within which *share* of the commits were done, ``None`` where there were none."""
        needed = share * sum(self.commits)
        reached = 0
        for count, bound in zip(self.commits, (*COMMIT_BOUNDS_S, float("inf")), strict=True):
            reached += count
            if count and reached >= needed:
                return bound
        return None


class Health:
    """Counts what comes in; any thread may tell it."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._since_ns = clock()
        self._accepted: Counter[Signal] = Counter()
        self._refused: Counter[tuple[Signal, str]] = Counter()
        self._turned_away: Counter[tuple[Signal, str]] = Counter()
        self._commits = [0] * (len(COMMIT_BOUNDS_S) + 1)
        self._commit_s = 0.0
        self._mishaps: deque[Mishap] = deque(maxlen=MISHAPS)
        self._dropped = 0
        self._dropped_by: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def took(self, signal: Signal, accepted: int, refusals: Refusals, project: str | None) -> None:
        """Count what one request carried."""
        now = self._clock()
        with self._lock:
            self._accepted[signal] += accepted
            for reason, count in refusals.counts.items():
                self._refused[signal, reason] += count
            for one in refusals.first:
                sentence = one.sentence[:SHOWN_CHARS]
                self._remember(Mishap(now, signal, one.reason, sentence, project, one.name, one.scope))

    def turned_away(self, signal: Signal, error: SpanwiseError, project: str | None = None) -> None:
        """Count a request that was refused whole."""
        with self._lock:
            self._turned_away[signal, error.code] += 1
            self._remember(Mishap(self._clock(), signal, error.code, error.message[:SHOWN_CHARS], project))

    def _remember(self, mishap: Mishap) -> None:
        alike = [one for one in self._mishaps if one.kind == mishap.kind]
        if len(alike) >= MISHAPS_ALIKE:
            self._mishaps.remove(alike[0])
        self._mishaps.append(mishap)

    def committed(self, seconds: float) -> None:
        """Count a request whose spans are on the disk, *seconds* after they were handed to the writer."""
        at = next((at for at, bound in enumerate(COMMIT_BOUNDS_S) if seconds <= bound), len(COMMIT_BOUNDS_S))
        with self._lock:
            self._commits[at] += 1
            self._commit_s += seconds

    def dropped(self, told: str, project: str | None = None) -> None:
        """Take what a program says of its losses, ``ID=COUNT``; it tells the same again with each request."""
        found = _TOLD.fullmatch(told)
        if found is None:
            return
        sender, count = found[1], int(found[2])
        with self._lock:
            more = count - self._dropped_by.pop(sender, 0)
            self._dropped_by[sender] = count
            if len(self._dropped_by) > SENDERS:
                self._dropped_by.popitem(last=False)
            if more > 0:
                self._dropped += more
                self._remember(Mishap(self._clock(), "traces", DROPPED, _FULL.format(more), project))

    def state(self) -> State:
        """Return the figures of now."""
        with self._lock:
            return State(
                self._since_ns,
                dict(self._accepted),
                dict(self._refused),
                dict(self._turned_away),
                tuple(self._commits),
                self._commit_s,
                tuple(reversed(self._mishaps)),
                self._dropped,
            )
