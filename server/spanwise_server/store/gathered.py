"""What calls come to by value and by step, while it is being counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from ..query.measures import Percentiles, Sums
from .rollups import LATENCY, TTFT, bucket_middle_ns

Value = str | None
Counts = Counter[int]


@dataclass(slots=True)
class Gathered:
    """Sums and bucket counts by value and step, before they become what the caller reads."""

    sums: defaultdict[tuple[Value, int], Sums] = field(default_factory=lambda: defaultdict(Sums))
    latency: defaultdict[int, Counts] = field(default_factory=lambda: defaultdict(Counter))
    """By step."""
    latency_of: defaultdict[Value, Counts] = field(default_factory=lambda: defaultdict(Counter))
    """By value."""
    ttft: defaultdict[int, Counts] = field(default_factory=lambda: defaultdict(Counter))
    providers: defaultdict[Value, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    newest_only: bool = False
    whole: Gathered | None = None
    """Every call once, where a call can stand under several values."""

    def count(self, rows: Iterable[tuple[Value, int, int, int, int]]) -> None:
        """Count what rollups say of a value in a step: which measure, which bucket, how many."""
        latency, latency_of, ttft = self.latency, self.latency_of, self.ttft
        for of, at, kept, number, n in rows:
            if kept == LATENCY:
                latency[at][number] += n
                latency_of[of][number] += n
            elif kept == TTFT:
                ttft[at][number] += n

    def count_lists(self, rows: Iterable[tuple[Value, int, int, str, str]]) -> None:
        """Count what rollups say of a value in a step: which measure, which buckets and how many of each."""
        # A list is added to in half the time that a Counter is.
        latency, ttft = (defaultdict[int, list[int]](list) for _ in range(2))
        latency_of = defaultdict[Value, list[int]](list)
        for of, at, kept, numbers, counts in rows:
            buckets, ns = orjson.loads(f"[{numbers}]"), orjson.loads(f"[{counts}]")
            if kept == LATENCY:
                by_step, by_value = (_long(counted, max(buckets)) for counted in (latency[at], latency_of[of]))
                for number, n in zip(buckets, ns, strict=True):
                    by_step[number] += n
                    by_value[number] += n
            elif kept == TTFT:
                by_step = _long(ttft[at], max(buckets))
                for number, n in zip(buckets, ns, strict=True):
                    by_step[number] += n
        for found, into in ((latency, self.latency), (ttft, self.ttft)):
            for at, listed in found.items():
                into[at].update({number: n for number, n in enumerate(listed) if n})
        for of, listed in latency_of.items():
            self.latency_of[of].update({number: n for number, n in enumerate(listed) if n})


def _long(counted: list[int], number: int) -> list[int]:
    """Return *counted* with room for the bucket *number*."""
    if number >= len(counted):
        counted.extend([0] * (number + 1 - len(counted)))
    return counted


def percentiles(counts: Mapping[int, int]) -> Percentiles:
    """Return the percentiles of durations counted by bucket, each at most 2 % off."""
    total = sum(counts.values())
    if total <= 0:
        return Percentiles()
    ordered = sorted(counts)
    found: list[float] = []
    seen, at = 0, -1
    for share in (0.5, 0.95, 0.99):
        while at < 0 or seen < share * total:
            at += 1
            seen += counts[ordered[at]]
        found.append(bucket_middle_ns(ordered[at]) / 1e6)
    return Percentiles(found[0], found[1], found[2], total)
