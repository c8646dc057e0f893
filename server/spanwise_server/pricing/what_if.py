"""What calls would cost elsewhere: their real token counts at another model's price of today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache
from typing import Final

from ..record import Usage
from .price import PROVIDERS
from .rates import Tariff, find_tariff

#: Without a provider that was used, these are offered.
_USUAL: Final = ("anthropic", "google", "openai")


@lru_cache(maxsize=512)
def _tariff(provider: str | None, model: str, day: int) -> Tariff | None:
    """Return the tariff of a model on a day counted since 1970."""
    known = None if provider is None else PROVIDERS.get(provider, provider)
    return find_tariff(known, model, None, day * 86_400)


def cost_of(usage: Usage, calls: int, provider: str | None, model: str, at_s: int) -> int | None:
    """Return nano-dollars for the summed *usage* of *calls* at the price of *model*, ``None`` where it has none.

    Which of a model's rates hold depends on the length of an input: the mean length is taken.
    """
    tariff = _tariff(provider, model, at_s // 86_400)
    if tariff is None or usage.unsplit is not None:
        return None
    mean = _each(usage, lambda tokens: tokens // max(calls, 1))
    return sum(tariff.of(mean).price(usage))


def cache_saved(usage: Usage, calls: int, provider: str | None, model: str, at_s: int) -> int | None:
    """Return what reading from the cache saved, less what writing to it cost more; ``None`` where no price is known."""
    if not usage.cache_read and not usage.cache_write:
        return 0
    uncached = replace(usage, input_uncached=usage.input_tokens, cache_read=None, cache_write=None)
    with_cache = cost_of(usage, calls, provider, model, at_s)
    without = cost_of(uncached, calls, provider, model, at_s)
    return None if with_cache is None or without is None else without - with_cache


@lru_cache(maxsize=64)
def models_of(used: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return provider and name of every model that the providers *used* price, in order of name."""
    from genai_prices.data import providers  # noqa: PLC0415  # takes 0.1 s, which a start need not wait for

    wanted = {PROVIDERS.get(name, name) for name in used} or set(_USUAL)
    found = {
        (provider.id, model.id)
        for provider in providers
        if provider.id in wanted
        for model in provider.models
        if not getattr(model, "deprecated", False)
    }
    return tuple(sorted(found, key=lambda one: (one[1], one[0])))


def _each(usage: Usage, change: Callable[[int], int]) -> Usage:
    """Return *usage* with every bucket that was said changed."""
    said = {f.name: getattr(usage, f.name) for f in fields(usage)}
    return Usage(**{name: None if tokens is None else change(tokens) for name, tokens in said.items()})
