"""Price a reading: what was reported counts, else the published price, and what nobody knows stays unpriced."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, TypeVar

from ..record import NANO, Cost, CostSource, Reading, Usage
from .rates import Calendar, Tariff, find_calendar, find_tariff

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Our spelling of a provider -> that of genai-prices, where they differ.
PROVIDERS: Final[Mapping[str, str]] = {
    "azure.openai": "azure",
    "azure.ai.inference": "azure",
    "aws.bedrock": "aws",
    "google.vertex": "google",
    "xai": "x-ai",
    "moonshot": "moonshotai",
}
#: More models than this are an attack on our memory.
REMEMBERED: Final = 10_000
LONGEST_MODEL: Final = 200
LONGEST_TIER: Final = 50
DAY_S: Final = 86_400
EPOCH: Final = date(1970, 1, 1)

Model = tuple[str | None, str, str | None]
"""Provider, model and service tier."""


class Prices:
    """The published prices, remembered by model and by the time for which they hold. Asks no network."""

    def __init__(self) -> None:
        self._calendars: dict[Model, Calendar] = {}
        self._tariffs: dict[tuple[Model, tuple[int, int]], Tariff | None] = {}

    def price(self, reading: Reading, at_ns: int) -> Cost | None:
        """Return what the call cost, or ``None`` where there is nothing to price or no price is known."""
        if (reported := _reported(reading)) is not None:
            return reported
        usage, model = reading.usage, reading.model
        if usage is None or model is None or len(model) > LONGEST_MODEL:
            return None
        tier = reading.params.get("service_tier") if reading.params else None
        tariff = self._tariff((reading.provider, model, tier if isinstance(tier, str) else None), at_ns // NANO)
        if tariff is None:
            return None
        source: CostSource = "priced" if reading.usage_estimated_by is None else "estimated"
        return _priced(usage, reading.kind, tariff, at_ns // NANO, source)

    def _tariff(self, model: Model, at_s: int) -> Tariff | None:
        """Return the tariff that holds at *at_s*; it is looked up once for all the time that it holds."""
        calendar = self._calendars.get(model)
        if calendar is None:
            if len(self._calendars) >= REMEMBERED:
                self._calendars.clear()
                self._tariffs.clear()
            calendar = self._calendars[model] = _calendar(model)
        key = model, calendar.period(at_s)
        if key not in self._tariffs:
            self._tariffs[key] = _found(model, at_s)
        return self._tariffs[key]


def _provider(model: Model) -> str | None:
    provider = model[0]
    return None if provider is None else PROVIDERS.get(provider, provider)


def _calendar(model: Model) -> Calendar:
    return _looked_up(model, lambda: find_calendar(_provider(model), model[1])) or Calendar()


def _found(model: Model, at_s: int) -> Tariff | None:
    tier = None if model[2] is None else model[2][:LONGEST_TIER]
    return _looked_up(model, lambda: find_tariff(_provider(model), model[1], tier, at_s))


def _looked_up(model: Model, look_up: Callable[[], T]) -> T | None:
    """Return what *look_up* finds; a failure of the price list costs a price, not the span."""
    try:
        return look_up()
    except Exception:
        if os.environ.get("SPANWISE_STRICT") == "1":
            raise
        logger.exception("could not find a price of %r", model[1])
        return None


@lru_cache(maxsize=1_000)
def _day(number: int) -> str:
    return (EPOCH + timedelta(days=number)).isoformat()


def _reported(reading: Reading) -> Cost | None:
    said = reading.reported_cost_usd, reading.reported_input_cost_usd, reading.reported_output_cost_usd
    if said == (None, None, None):
        return None
    total, asked, answered = (None if cost is None or not 0 <= cost < 1e9 else round(cost * NANO) for cost in said)
    if total is None:
        parts = [part for part in (asked, answered) if part is not None]
        if not parts:
            return None
        total = sum(parts)
    return Cost(total, asked, answered, source="reported")


def _priced(usage: Usage, kind: str | None, tariff: Tariff, at_s: int, source: CostSource) -> Cost | None:
    if usage.unsplit is not None:
        if kind != "embedding" and tariff.prices_output:
            return None  # nobody knows how much of it was output
        usage = Usage(input_uncached=usage.unsplit)
    asked, answered = tariff.of(usage).price(usage)
    return Cost(asked + answered, asked, answered, source, f"{tariff.name}@{_day(at_s // DAY_S)}")
