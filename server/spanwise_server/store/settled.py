"""What calls came to in whole steps of time, as it can be kept and put together with other steps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from ..query.measures import Measured, Part, Slot, Steps, Sums
from .gathered import Counts, Gathered, Value, percentiles

T = TypeVar("T")
_NO_SUMS: Final = Sums()
_NOTHING: Final = Gathered()


@dataclass(frozen=True, slots=True)
class Settled:
    """What some steps come to, step by step, by value and together."""

    slots: Mapping[int, Slot] = field(default_factory=dict)
    """By step; one without calls need not be there."""
    by_value: Mapping[tuple[Value, int], Sums] = field(default_factory=dict)
    """By value and step."""
    of_value: Mapping[Value, Sums] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)
    latency_of: Mapping[Value, Counts] = field(default_factory=dict)
    latency: Counts = field(default_factory=Counter)
    ttft: Counts = field(default_factory=Counter)
    providers: Mapping[Value, Counter[str]] = field(default_factory=dict)


NOTHING_SETTLED: Final = Settled()


def measured(found: Gathered, steps: Steps, settled: Settled = NOTHING_SETTLED) -> Measured:
    """Return what was gathered, and what is settled of other steps, as the caller reads it."""
    of, all_of = settle(found, steps), range(steps.count)
    slots = {**settled.slots, **of.slots}
    by_value = {**settled.by_value, **of.by_value}
    values = dict.fromkeys((*settled.of_value, *of.of_value))
    parts = [_part(settled, of, value, [by_value.get((value, at), _NO_SUMS) for at in all_of]) for value in values]
    return Measured(
        slots=tuple([slots.get(at) or _slot(steps, at, _NO_SUMS, _NOTHING) for at in all_of]),
        parts=tuple(sorted(parts, key=lambda part: (-part.sums.cost_nusd, -part.sums.calls, part.value or ""))),
        sums=settled.sums + of.sums,
        latency=percentiles(together((settled.latency, of.latency))),
        ttft=percentiles(together((settled.ttft, of.ttft))),
        newest_only=found.newest_only,
    )


def settle(found: Gathered, steps: Steps) -> Settled:
    """Return what was gathered as it can be kept: step by step, by value and together."""
    whole = found.whole or found
    by_step: defaultdict[int, Sums] = defaultdict(Sums)
    for (_, at), sums in whole.sums.items():
        by_step[at] += sums
    slots = {at: _slot(steps, at, by_step[at], whole) for at in by_step.keys() | whole.latency.keys()}
    of_value = dict.fromkeys(_values(found), Sums())
    for (value, _), sums in found.sums.items():
        of_value[value] += sums
    return Settled(
        slots=slots,
        by_value=dict(found.sums),
        of_value=of_value,
        sums=sum(by_step.values(), Sums()),
        latency_of=found.latency_of,
        latency=together(whole.latency_of.values()),
        ttft=together(whole.ttft.values()),
        providers=found.providers,
    )


def _slot(steps: Steps, at: int, sums: Sums, whole: Gathered) -> Slot:
    start = steps.first_ns + at * steps.step_ns
    latency, ttft = (percentiles(counts.get(at, {})) for counts in (whole.latency, whole.ttft))
    return Slot(start, start + steps.step_ns, sums, latency, ttft)


def _values(found: Gathered) -> list[Value]:
    return list(dict.fromkeys((*(value for value, _ in found.sums), *found.latency_of)))


def _part(settled: Settled, of: Settled, value: Value, slots: Sequence[Sums]) -> Part:
    providers = together(kept.providers.get(value, Counter()) for kept in (settled, of))
    return Part(
        value=value,
        slots=tuple(slots),
        sums=settled.of_value.get(value, _NO_SUMS) + of.of_value.get(value, _NO_SUMS),
        latency=percentiles(together(kept.latency_of.get(value, Counter()) for kept in (settled, of))),
        provider=providers.most_common(1)[0][0] if providers else None,
    )


def together(counts: Iterable[Counter[T]]) -> Counter[T]:
    """Return counts as one."""
    total: Counter[T] = Counter()
    for some in counts:
        total.update(some)
    return total
