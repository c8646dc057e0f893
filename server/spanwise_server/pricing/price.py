"""Price a reading: what was reported counts, else the published price, and what nobody knows stays unpriced."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final

from ..record import NANO, Cost, Reading, Usage
from .rates import Tariff, find_tariff

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
#: Published prices change by the day, some by the time of day: no oftener than by the quarter of an hour.
QUARTER_NS: Final = 900 * NANO
#: More models than this are an attack on our memory.
REMEMBERED: Final = 10_000
LONGEST_MODEL: Final = 200

Key = tuple[str | None, str, str | None, int]


class Prices:
    """The published prices, remembered by model and time. Asks no network."""

    def __init__(self) -> None:
        self._tariffs: dict[Key, tuple[Tariff, str] | None] = {}

    def price(self, reading: Reading, at_ns: int) -> Cost | None:
        """Return what the call cost, or ``None`` where there is nothing to price or no price is known."""
        if (reported := _reported(reading)) is not None:
            return reported
        usage, model = reading.usage, reading.model
        if usage is None or model is None or len(model) > LONGEST_MODEL:
            return None
        tier = reading.params.get("service_tier") if reading.params else None
        key = (reading.provider, model, tier if isinstance(tier, str) else None, at_ns // QUARTER_NS)
        found = self._tariffs[key] if key in self._tariffs else self._find(key)
        return None if found is None else _priced(usage, reading.kind, *found)

    def _find(self, key: Key) -> tuple[Tariff, str] | None:
        """Look a price up and remember it, or that there is none."""
        provider, model, tier, quarter = key
        at_s = quarter * QUARTER_NS // NANO
        if provider is not None:
            provider = PROVIDERS.get(provider, provider)
        try:
            tariff = find_tariff(provider, model, tier[:50] if tier is not None else None, at_s)
        except Exception:
            if os.environ.get("SPANWISE_STRICT") == "1":
                raise
            logger.exception("could not find a price of %r; said once for each model", model)
            tariff = None
        found = None
        if tariff is not None:
            day = datetime.fromtimestamp(at_s, tz=timezone.utc).date()
            found = tariff, f"{tariff.name}@{day}"
        if len(self._tariffs) >= REMEMBERED:
            self._tariffs.clear()
        self._tariffs[key] = found
        return found


def _reported(reading: Reading) -> Cost | None:
    total, asked, answered = (
        None if cost is None or not 0 <= cost < 1e9 else round(cost * NANO)
        for cost in (reading.reported_cost_usd, reading.reported_input_cost_usd, reading.reported_output_cost_usd)
    )
    if total is None:
        said = [part for part in (asked, answered) if part is not None]
        if not said:
            return None
        total = sum(said)
    return Cost(total, asked, answered, source="reported")


def _priced(usage: Usage, kind: str | None, tariff: Tariff, price_id: str) -> Cost | None:
    if usage.unsplit is not None:
        if kind != "embedding" and tariff.prices_output:
            return None  # nobody knows how much of it was output
        usage = Usage(input_uncached=usage.unsplit)
    asked, answered = tariff.of(usage).price(usage)
    return Cost(asked + answered, asked, answered, "priced", price_id)
