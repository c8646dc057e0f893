"""What calls will cost: at another number a day, and with one model's calls on another model. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..pricing.what_if import cache_saved, cost_of, models_of
from ..query.measures import Part, Sums
from .plots import ceiling

MONTH_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Projection:
    """What a month will cost, from what some days did."""

    calls_a_day: int
    asked_a_day: int
    most_a_day: int
    step: int
    as_it_is_nusd: int
    asked_nusd: int
    models: tuple[str, ...]
    """Models in use whose calls can be moved."""
    of: str
    offers: tuple[str, ...]
    """Where they can be moved to, as ``provider/model``."""
    onto: str
    moved_nusd: int | None
    """The month with them moved; ``None`` where nothing is asked for, or no price is known."""
    change: float | None
    per_call_nusd: int
    cached: float | None
    """Which share of the input was read from a cache."""
    saved_nusd: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader asks of the projection."""

    a_day: int | None = None
    of: str = ""
    onto: str = ""


def projected(sums: Sums, parts: Sequence[Part], days: float, asked: Asked, at_s: int) -> Projection | None:
    """Return the projection from calls split by model over *days*, ``None`` where no call has a known price."""
    if not sums.priced:
        return None
    now_a_day = sums.counted / days
    most = int(ceiling(max(now_a_day * 3, asked.a_day or 0, 10)))
    wanted = round(now_a_day) if asked.a_day is None else asked.a_day
    factor = MONTH_DAYS * (now_a_day if asked.a_day is None else wanted) / sums.counted
    named = {part.value: part for part in parts if part.value is not None and part.sums.priced}
    of = asked.of if asked.of in named else next(iter(named), "")
    offers = tuple(f"{provider}/{model}" for provider, model in models_of(_providers(parts)))
    onto = asked.onto if asked.onto in offers else ""
    elsewhere = _moved(sums, named.get(of), onto, at_s)
    said = sums.usage.input_tokens
    return Projection(
        calls_a_day=round(now_a_day),
        asked_a_day=wanted,
        most_a_day=most,
        step=max(most // 200, 1),
        as_it_is_nusd=round(sums.cost_nusd / days * MONTH_DAYS),
        asked_nusd=round(sums.cost_nusd * factor),
        models=tuple(named),
        of=of,
        offers=offers,
        onto=onto,
        moved_nusd=None if elsewhere is None else round(elsewhere * factor),
        change=None if elsewhere is None or not sums.cost_nusd else elsewhere / sums.cost_nusd - 1,
        per_call_nusd=round(sums.cost_nusd / sums.priced),
        cached=None if not said else (sums.usage.cache_read or 0) / said,
        saved_nusd=_saved(parts, at_s),
    )


def _moved(sums: Sums, part: Part | None, onto: str, at_s: int) -> int | None:
    """Return what all calls cost with those of *part* at the price of *onto*."""
    if part is None or not onto:
        return None
    provider, _, model = onto.partition("/")
    elsewhere = cost_of(part.sums.usage, part.sums.counted, provider, model, at_s)
    return None if elsewhere is None else sums.cost_nusd - part.sums.cost_nusd + elsewhere


def _saved(parts: Sequence[Part], at_s: int) -> int | None:
    """Return what caches saved, ``None`` where of some model that uses one no price is known."""
    total = 0
    for part in parts:
        usage = part.sums.usage
        if part.value is None or not (usage.cache_read or usage.cache_write):
            continue
        saved = cache_saved(usage, part.sums.counted, part.provider, part.value, at_s)
        if saved is None:
            return None
        total += saved
    return total


def _providers(parts: Sequence[Part]) -> frozenset[str]:
    return frozenset(part.provider for part in parts if part.provider is not None)
