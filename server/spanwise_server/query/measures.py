"""What is measured of model calls and what it can be split by: plain values, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..record import Usage


@dataclass(frozen=True, slots=True)
class Split:
    """One thing that calls can be told apart by."""

    key: str
    """Also the field of the filter language that finds one of its values."""
    words: str
    shared: bool = False
    """Whether a call can have several values, and counts for each of them."""


#: Calls can be split by these: store, pages and documentation loop over the table.
SPLITS: Final[dict[str, Split]] = {
    split.key: split
    for split in (
        Split("model", "model"),
        Split("prompt", "prompt version"),
        Split("provider", "provider"),
        Split("env", "environment"),
        Split("user", "user"),
        Split("tag", "tag", shared=True),
    )
}


@dataclass(slots=True)
class Sums:
    """What some calls come to."""

    calls: int = 0
    errors: int = 0
    cost_nusd: int = 0
    priced: int = 0
    """How many of them the cost is of."""
    unpriced: int = 0
    """How many used tokens at a price nobody knows."""
    usage: Usage = field(default_factory=Usage)
    writing_ns: int = 0
    """How long those of kind ``llm`` took together, whether or not their trace counts them."""

    @property
    def known_cost_nusd(self) -> int | None:
        """What they cost, ``None`` where none of them was priced."""
        return self.cost_nusd if self.priced else None

    @property
    def counted(self) -> int:
        """How many of them used tokens or money that their trace counts."""
        return self.priced + self.unpriced

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens by the time that a call took, ``None`` where no call gave any.

        A call that two instrumentations report takes its time twice and is counted once, so what is counted bears its
        share of the time alone.
        """
        output = self.usage.output_tokens
        if not output or not self.writing_ns or not self.counted:
            return None
        return output * 1e9 / (self.writing_ns * min(self.counted / max(self.calls, 1), 1.0))

    def __add__(self, other: Sums) -> Sums:
        """Return both together."""
        return Sums(
            self.calls + other.calls,
            self.errors + other.errors,
            self.cost_nusd + other.cost_nusd,
            self.priced + other.priced,
            self.unpriced + other.unpriced,
            self.usage + other.usage,
            self.writing_ns + other.writing_ns,
        )


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Half, 95 % and 99 % of some durations were at most about this long; ``None`` where there was none."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    of: int = 0
    """How many durations there were."""


#: The values of the keys of one series, in the order of the keys; hours and days are whole ones since 1970.
Key = tuple[str | int | None, ...]

#: What spans can be told apart by: API, store and documentation loop over the table.
KEYS: Final[dict[str, str]] = {
    "model": "model that answered",
    "provider": "who serves it",
    "kind": "kind of the span",
    "prompt": "prompt as name@version",
    "env": "environment that the span says",
    "user": "user",
    "session": "session",
    "name": "name of the span",
    "status": "ok, error or unset",
    "hour": "whole hour, UTC",
    "day": "day, UTC",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """Traces that were labelled pass or fail, and how many of them fail."""

    traces: int
    failed: int


@dataclass(frozen=True, slots=True)
class Tallied:
    """What the spans of one series come to; ``calls`` of the sums are spans of any kind here."""

    key: Key
    sums: Sums
    traces: int | None
    """How many traces they are of, ``None`` where that was not asked."""
    latency: Percentiles
    ttft: Percentiles
    judged: Mapping[str, Judged] = field(default_factory=dict)
    """What was judged of their traces, by the label's name, empty for any; only where that was asked."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One step of time; its first nanosecond is included, its last is not."""

    from_ns: int
    to_ns: int
    sums: Sums
    latency: Percentiles
    ttft: Percentiles


@dataclass(frozen=True, slots=True)
class Part:
    """What one value of a split comes to, step by step and together; ``None`` is what says no value."""

    value: str | None
    slots: tuple[Sums, ...]
    sums: Sums
    latency: Percentiles
    provider: str | None
    """The provider of most of its calls."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The model calls of one range, step by step, by value and together."""

    slots: tuple[Slot, ...]
    parts: tuple[Part, ...]
    """The dearest first, then the commonest."""
    sums: Sums
    latency: Percentiles
    ttft: Percentiles
    newest_only: bool = False
    """True where there were too many calls to look at each, and only the newest were."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Equal steps of time, one after the other."""

    first_ns: int
    step_ns: int
    count: int

    @property
    def end_ns(self) -> int:
        """The first nanosecond after the last step."""
        return self.first_ns + self.step_ns * self.count

    def before(self) -> Steps:
        """Return as many steps of the same length just before these."""
        return Steps(self.first_ns - self.step_ns * self.count, self.step_ns, self.count)


@dataclass(frozen=True, slots=True)
class SessionCosts:
    """What calls of known price that say a session cost together, and in how many sessions they are."""

    sessions: int = 0
    cost_nusd: int = 0
    newest_only: bool = False
    """True where only the newest calls were looked at."""

    @property
    def each_nusd(self) -> int | None:
        """What a session cost on the average, ``None`` without any."""
        return round(self.cost_nusd / self.sessions) if self.sessions else None


@dataclass(frozen=True, slots=True)
class CallPoint:
    """One model call in the drawing of latency against output tokens."""

    trace_id: str
    span_id: str
    model: str
    output_tokens: int
    duration_ms: float
