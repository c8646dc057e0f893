"""Prices of one model on one day, per bucket of tokens, found by asking genai-prices and then remembered."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Final

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from genai_prices.types import ConditionalPrice, ModelPrice, PriceVariant, StartDateConstraint

from ..record import NANO, Usage

#: Our bucket -> what genai-prices calls those tokens besides input or output; ``None`` for the plain ones.
INPUTS: Final[Mapping[str, str | None]] = {
    "input_uncached": None,
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "input_audio": "input_audio_tokens",
    "input_image": "input_image_tokens",
}
OUTPUTS: Final[Mapping[str, str | None]] = {
    "output_visible": None,
    "reasoning": "output_reasoning_tokens",
    "output_audio": "output_audio_tokens",
    "output_image": "output_image_tokens",
}
#: The tier of what is answered in batches.
BATCH: Final = "batch"
#: Rates are nano-dollars for so many tokens: whole numbers, since prices are published in dollars per million.
PER: Final = 1_000_000
#: Prices that change with the time of day do so no oftener than by the quarter of an hour.
QUARTER_S: Final = 900
QUARTERS_A_DAY: Final = 96


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-dollars per million tokens of each bucket, in the order of `INPUTS` and of `OUTPUTS`."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def price(self, usage: Usage) -> tuple[int, int]:
        """Return what input and output cost, in nano-dollars."""
        asked = (usage.input_uncached, usage.cache_read, usage.cache_write, usage.input_audio, usage.input_image)
        answered = (usage.output_visible, usage.reasoning, usage.output_audio, usage.output_image)
        return _sum(self.inputs, asked), _sum(self.outputs, answered)


def _sum(rates: Sequence[int], counts: Sequence[int | None]) -> int:
    total = PER // 2
    for rate, tokens in zip(rates, counts, strict=True):
        if tokens is not None:
            total += rate * tokens
    return total // PER


@dataclass(frozen=True, slots=True)
class Tariff:
    """The rates of one model at one time, by the length of the input."""

    name: str
    """``provider/model``, as genai-prices spells them."""
    above: tuple[int, ...]
    """Inputs longer than these have dearer rates, shortest first."""
    rates: tuple[Rates, ...]
    """One more than there are steps in *above*."""

    def of(self, usage: Usage) -> Rates:
        """Return the rates that hold for an input as long as that of *usage*."""
        if not self.above:
            return self.rates[0]
        return self.rates[bisect_left(self.above, usage.input_tokens or 0)]

    @property
    def prices_output(self) -> bool:
        """Whether output costs anything; that of an embedding model does not."""
        return any(any(rates.outputs) for rates in self.rates)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the price of one model changes: from certain days on, and for a few models with the time of day."""

    days: tuple[int, ...] = ()
    """Midnights in seconds since 1970, in order."""
    by_time_of_day: bool = False

    def period(self, at_s: int) -> tuple[int, int]:
        """Return the name of a period that *at_s* lies in and in which the price is the same all the time."""
        quarter = at_s // QUARTER_S % QUARTERS_A_DAY if self.by_time_of_day else 0
        return bisect_right(self.days, at_s), quarter


def find_calendar(provider: str | None, model: str) -> Calendar:
    """Return when the price of *model* changes; a model without a price never has one."""
    try:
        found = calc_price(PricedUsage(input_tokens=1), model, provider_id=provider).model
    except LookupError:
        return Calendar()
    prices = () if isinstance(found.prices, ModelPrice) else found.prices
    return calendar_of([*prices, *(found.price_variants or ())])


def calendar_of(prices: Sequence[ConditionalPrice | PriceVariant]) -> Calendar:
    """Return when one of several *prices* takes over from another."""
    constraints = [price.constraint for price in prices if price.constraint is not None]
    dates = {constraint.start_date for constraint in constraints if isinstance(constraint, StartDateConstraint)}
    days = sorted(int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()) for day in dates)
    return Calendar(tuple(days), any(not isinstance(constraint, StartDateConstraint) for constraint in constraints))


def find_tariff(provider: str | None, model: str, tier: str | None, at_s: int) -> Tariff | None:
    """Return the tariff of *model* at *at_s* seconds since 1970, or ``None`` where no price is known."""
    when = datetime.fromtimestamp(at_s, tz=timezone.utc)
    more: dict[str, Any] = {"provider_id": provider, "genai_request_timestamp": when}
    if tier is not None:
        # What is done in batches is a tier to those who say so, and a way of its own to the price list.
        more["price_context"] = {"service_tier": tier, **({"processing": BATCH} if tier == BATCH else {})}
    try:
        found = calc_price(PricedUsage(input_tokens=1), model, **more)
    except LookupError:
        return None
    published = [price for price in vars(found.model_price).values() if price is not None]
    if not published:
        return None
    above = sorted({tier.start for price in published for tier in getattr(price, "tiers", ())})
    rates = tuple(_rates(model, more, longer_than) for longer_than in (0, *above))
    return Tariff(f"{found.provider.id}/{found.model.id}", tuple(above), rates)


def _rates(model: str, more: Mapping[str, Any], longer_than: int) -> Rates:
    """Return the rates of inputs just over *longer_than* tokens, bucket by bucket."""
    size = longer_than + 1
    asked = {"input_tokens": size}

    def cost(**tokens: int) -> Decimal:
        return calc_price(PricedUsage(**asked, **tokens), model, **more).total_price

    plain = cost()
    inputs = [plain if name is None else cost(**{name: size}) for name in INPUTS.values()]
    outputs = [
        cost(output_tokens=PER) if name is None else cost(output_tokens=PER, **{name: PER}) for name in OUTPUTS.values()
    ]
    return Rates(
        tuple(round(price * NANO * PER / size) for price in inputs),
        tuple(round((price - plain) * NANO) for price in outputs),
    )
