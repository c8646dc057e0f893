"""Prices: what was reported counts, cached tokens are cheaper, and what nobody knows is not free."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from decimal import Decimal

import pytest
from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint, TimeOfDateConstraint
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzing import tries
from spanwise_server.pricing.price import Prices
from spanwise_server.pricing.rates import calendar_of, find_calendar, find_tariff
from spanwise_server.record import NANO, Cost, Reading, Usage

AT = 1_790_000_000 * NANO
PRICES = Prices()


def price(model="gpt-4o", provider: str | None = "openai", *, at_ns=AT, kind="llm", **usage) -> Cost | None:
    return PRICES.price(Reading(kind=kind, model=model, provider=provider, usage=Usage(**usage)), at_ns)


def test_input_cache_and_output_have_their_own_prices():
    cost = price(input_uncached=600, cache_read=400, output_visible=60, reasoning=40)
    # $2.50, $1.25 and $10 per million
    assert cost == Cost(3_000_000, 2_000_000, 1_000_000, "priced", "openai/gpt-4o@2026-09-21")


def test_tokens_that_nobody_reported_make_a_cost_that_says_so():
    reading = Reading(
        kind="llm", model="gpt-4o", provider="openai", usage=Usage(input_uncached=600), usage_estimated_by="o200k_base"
    )
    assert PRICES.price(reading, AT) == Cost(1_500_000, 1_500_000, 0, "estimated", "openai/gpt-4o@2026-09-21")


def test_writing_a_cache_costs_more_than_reading_it():
    written = price("claude-sonnet-4-5", "anthropic", cache_write=1_000)
    read = price("claude-sonnet-4-5", "anthropic", cache_read=1_000)
    assert (written.total_nusd, read.total_nusd) == (3_750_000, 300_000)


def test_long_inputs_are_dearer():
    short = price("gemini-2.5-pro", "google", input_uncached=200_000)
    long = price("gemini-2.5-pro", "google", input_uncached=200_001)
    assert short.total_nusd == 200_000 * 1_250
    assert long.total_nusd == 200_001 * 2_500


def test_an_embedding_is_priced_even_by_its_total():
    assert price("text-embedding-3-small", kind="embedding", unsplit=1_000).total_nusd == 20_000


def test_a_total_that_nobody_can_split_is_unpriced():
    assert price(unsplit=1_000) is None


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-nobody-knows"), ("ollama", "gpt-4o"), (None, "my-model")]
)
def test_no_price_is_unpriced_and_never_zero(provider, model):
    assert price(model, provider, input_uncached=10) is None


def test_no_tokens_cost_nothing():
    assert price(input_uncached=0, output_visible=0).total_nusd == 0


def test_no_usage_and_no_model_have_no_cost():
    assert PRICES.price(Reading(kind="llm", model="gpt-4o"), AT) is None
    assert PRICES.price(Reading(kind="llm", usage=Usage(input_uncached=1)), AT) is None


def test_what_was_reported_counts():
    usage = Usage(input_uncached=1_000_000)
    reading = Reading(kind="llm", model="gpt-4o", provider="openai", usage=usage, reported_cost_usd=0.0)
    assert PRICES.price(reading, AT) == Cost(0, source="reported")
    parts = Reading(kind="llm", reported_input_cost_usd=0.25, reported_output_cost_usd=0.5)
    assert PRICES.price(parts, AT) == Cost(750_000_000, 250_000_000, 500_000_000, "reported")


def test_a_reported_cost_that_cannot_be_is_ignored():
    assert PRICES.price(Reading(kind="llm", reported_cost_usd=-1.0), AT) is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [("azure.openai", "gpt-4o"), ("aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"), ("xai", "grok-4"),
     ("google.vertex", "gemini-2.5-pro"), ("mistral", "mistral-large-latest"), (None, "gpt-4o-2024-08-06")],
)  # fmt: skip
def test_our_names_of_providers_find_a_price(provider, model):
    assert price(model, provider, input_uncached=1_000).total_nusd > 0


def test_a_tier_that_was_served_has_its_own_price():
    usage = Usage(input_uncached=1_000)
    reading = Reading(kind="llm", model="gpt-5", provider="openai", usage=usage, params={"service_tier": "priority"})
    later = 1_795_000_000 * NANO
    assert PRICES.price(reading, later).total_nusd == 2 * price("gpt-5", at_ns=later, input_uncached=1_000).total_nusd


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-5"), ("anthropic", "claude-sonnet-4-5"), ("google", "gemini-2.5-pro")],
)
def test_what_is_answered_in_a_batch_costs_half(provider, model):
    usage = Usage(input_uncached=1_000, output_visible=1_000)
    reading = Reading(kind="llm", model=model, provider=provider, usage=usage, params={"service_tier": "batch"})
    later = 1_795_000_000 * NANO
    whole = price(model, provider, at_ns=later, input_uncached=1_000, output_visible=1_000)
    assert PRICES.price(reading, later).total_nusd * 2 == whole.total_nusd


def test_a_price_of_batches_holds_from_its_day_on():
    calendar = find_calendar("anthropic", "claude-fable-5")
    assert len(calendar.days) == 1
    usage, tier = Usage(input_uncached=1_000), {"service_tier": "batch"}
    reading = Reading(kind="llm", model="claude-fable-5", provider="anthropic", usage=usage, params=tier)
    before, after = ((calendar.days[0] + by) * NANO for by in (-1, 1))
    assert PRICES.price(reading, before).total_nusd == 2 * PRICES.price(reading, after).total_nusd


@settings(max_examples=tries(80), deadline=None)
@given(
    st.sampled_from([("openai", "gpt-4o"), ("openai", "gpt-5"), ("anthropic", "claude-sonnet-4-5"),
                     ("google", "gemini-2.5-pro"), ("google", "gemini-2.5-flash"), ("deepseek", "deepseek-chat")]),
    st.integers(0, 400_000), st.integers(0, 400_000), st.integers(0, 9_000), st.integers(0, 9_000),
    st.integers(0, 9_000), st.integers(1_700_000_000, 1_795_000_000),
)  # fmt: skip
def test_rates_say_what_genai_prices_says(model, uncached, cache_read, cache_write, visible, reasoning, at_s):
    at_s -= at_s % 900
    provider, name = model
    ours = price(name, provider, at_ns=at_s * NANO, input_uncached=uncached, cache_read=cache_read,
                 cache_write=cache_write, output_visible=visible, reasoning=reasoning)  # fmt: skip
    theirs = calc_price(
        PricedUsage(input_tokens=uncached + cache_read + cache_write, cache_read_tokens=cache_read,
                    cache_write_tokens=cache_write, output_tokens=visible + reasoning,
                    output_reasoning_tokens=reasoning),
        name, provider_id=provider, genai_request_timestamp=datetime.fromtimestamp(at_s, tz=timezone.utc),
    )  # fmt: skip
    assert abs(ours.total_nusd - theirs.total_price * Decimal(NANO)) <= 1


def test_a_model_is_looked_up_once_for_all_the_time_that_a_price_holds(monkeypatch):
    found: list[int] = []
    monkeypatch.setattr("spanwise_server.pricing.price._looked_up", lambda _, look_up: found.append(1) or look_up())
    prices = Prices()
    reading = Reading(kind="llm", model="gpt-4o-mini", provider="openai", usage=Usage(input_uncached=1))
    costs = [prices.price(reading, AT - hour * 3_600 * NANO) for hour in range(1_000)]
    assert {cost and cost.total_nusd for cost in costs} == {150}
    assert len(found) == 2  # its calendar, and the tariff of the one period in it


def test_a_price_that_depends_on_the_time_of_day_changes_within_the_day():
    model = ModelPrice(input_mtok=Decimal(2))
    night = ConditionalPrice(
        constraint=TimeOfDateConstraint(start_time=time(16, 30), end_time=time(0, 30)), prices=model
    )
    assert not find_calendar("openai", "gpt-4o").by_time_of_day
    calendar = calendar_of([ConditionalPrice(prices=model), night])
    assert calendar.period(AT // NANO) != calendar.period(AT // NANO + 900)
    assert calendar.period(AT // NANO) == calendar.period(AT // NANO + 86_400)


def test_a_price_changes_at_the_midnight_its_day_begins():
    model = ModelPrice(input_mtok=Decimal(2))
    calendar = calendar_of(
        [
            ConditionalPrice(prices=model),
            ConditionalPrice(constraint=StartDateConstraint(start_date=date(2026, 3, 1)), prices=model),
        ]
    )
    midnight = int(datetime(2026, 3, 1, tzinfo=timezone.utc).timestamp())
    assert calendar.period(midnight - 1) != calendar.period(midnight) == calendar.period(midnight + 10**8)


def test_a_model_without_published_prices_has_no_tariff():
    assert find_tariff("openai", "no-such-model", None, AT // NANO) is None
