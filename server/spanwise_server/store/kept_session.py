"""What the traces of a session come to, counted on as they come, change and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyroaring import BitMap64 as BitMap

from .row_numbers import UNSAID
from .session_order import SessionSums


@dataclass(frozen=True, slots=True)
class Counted:
    """What one trace adds to its session."""

    start_ns: int
    duration_ns: int
    cost_nusd: int
    """``UNSAID`` where it is not known, as are its tokens."""
    total_tokens: int
    failed: bool


@dataclass(slots=True)
class KeptSession:
    """The sums of one session, of traces by their rows."""

    rows: BitMap = field(default_factory=BitMap)
    unpriced: dict[int, int] = field(default_factory=dict)
    """How many calls without a price each trace has, where it has any."""
    errors: int = 0
    costs: int = 0
    """Of how many it is known what they cost."""
    cost_nusd: int = 0
    tokens_of: int = 0
    """Of how many their tokens are."""
    tokens: int = 0
    starts: tuple[int, int] | None = None
    """When the first and the last began; ``None`` where that has to be looked up."""
    end_ns: int | None = None

    def add(self, row: int, trace: Counted, unpriced: int) -> None:
        """Count a trace in."""
        start, end = trace.start_ns, trace.start_ns + trace.duration_ns
        if not self.rows:
            self.starts, self.end_ns = (start, start), end
        elif self.starts is not None:
            self.starts = min(self.starts[0], start), max(self.starts[1], start)
        if self.end_ns is not None:
            self.end_ns = max(self.end_ns, end)
        if unpriced:
            self.unpriced[row] = unpriced
        self.rows.add(row)
        self._count(trace, 1)

    def take(self, row: int, trace: Counted) -> None:
        """Count a trace out again."""
        if self.starts is not None and trace.start_ns in self.starts:
            self.starts = None
        if trace.start_ns + trace.duration_ns == self.end_ns:
            self.end_ns = None
        self.unpriced.pop(row, None)
        self.rows.discard(row)
        self._count(trace, -1)

    def _count(self, trace: Counted, sign: int) -> None:
        self.errors += sign * trace.failed
        if trace.cost_nusd != UNSAID:
            self.costs += sign
            self.cost_nusd += sign * trace.cost_nusd
        if trace.total_tokens != UNSAID:
            self.tokens_of += sign
            self.tokens += sign * trace.total_tokens

    def settle(self, starts: Sequence[int], durations: Sequence[int]) -> None:
        """Look up when its traces, in the order of ``rows``, began and ended, where that is not known any more."""
        if self.starts is None:
            self.starts = min(starts), max(starts)
        if self.end_ns is None:
            self.end_ns = max(start + took for start, took in zip(starts, durations, strict=True))

    @property
    def settled(self) -> bool:
        """Whether it is known when its traces began and ended."""
        return self.starts is not None and self.end_ns is not None

    def sums(self) -> SessionSums:
        """Return the sums; when its traces began and ended has to be known."""
        first, last = self.starts or (0, 0)
        return SessionSums(
            turns=len(self.rows),
            errors=self.errors,
            first_ns=first,
            last_ns=last,
            end_ns=self.end_ns or 0,
            cost_nusd=self.cost_nusd if self.costs else None,
            unpriced_count=sum(self.unpriced.values()),
            total_tokens=self.tokens if self.tokens_of else None,
        )
