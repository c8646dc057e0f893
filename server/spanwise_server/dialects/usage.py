"""Token counts of one dialect, read together: counts of two dialects may mean different things and never mix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..record import Usage
from .base import Draft
from .decode import count

Keys = tuple[tuple[str, tuple[str, ...]], ...]
"""Counts, each with the keys that it may stand by."""


@dataclass(slots=True, eq=False)
class Counts:
    """Where one dialect writes each count, the newest spelling first, and what its totals include.

    Counts are named as `Usage.from_totals` names them.
    """

    keys: dict[str, tuple[str, ...]]
    input_includes_cache: bool = True
    output_includes_reasoning: bool = True
    every_key: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Gather all the keys, by which spans without usage are told at once."""
        self.every_key = frozenset(key for keys in self.keys.values() for key in keys)


def say_usage(draft: Draft, counts: Counts) -> None:
    """Say the usage that *counts* finds, unless another dialect has said one."""
    if "usage" in draft.said:
        return
    plan: Keys | None = draft.shape.plans.get(counts)
    if plan is None:
        plan = draft.shape.plans[counts] = _keys_among(draft.attributes, counts)
    if plan:
        usage, source = _read(draft.attributes, plan, counts)
        draft.say("usage", usage, source)


def counted(attributes: dict[str, Any], counts: Counts) -> tuple[Usage | None, str]:
    """Return the usage that *counts* finds among *attributes*, and where its first count stands."""
    if counts.every_key.isdisjoint(attributes):
        return None, ""
    return _read(attributes, _keys_among(attributes, counts), counts)


def _keys_among(attributes: dict[str, Any], counts: Counts) -> Keys:
    """Return the counts of which *attributes* have a key, each with those keys."""
    there = ((name, tuple([key for key in keys if key in attributes])) for name, keys in counts.keys.items())
    return tuple([(name, keys) for name, keys in there if keys])


def _read(attributes: dict[str, Any], plan: Keys, counts: Counts) -> tuple[Usage | None, str]:
    found: dict[str, int] = {}
    source = ""
    for name, keys in plan:
        for key in keys:
            if (tokens := count(attributes.get(key))) is not None:
                found[name] = tokens
                source = source or key
                break
    if not found:
        return None, ""
    _complete(found)
    usage = Usage.from_totals(
        input_tokens=found.get("input_tokens"),
        output_tokens=found.get("output_tokens"),
        total_tokens=found.get("total_tokens"),
        cache_read=found.get("cache_read"),
        cache_write=found.get("cache_write"),
        reasoning=found.get("reasoning"),
        input_audio=found.get("input_audio"),
        output_audio=found.get("output_audio"),
        input_image=found.get("input_image"),
        output_image=found.get("output_image"),
        input_includes_cache=counts.input_includes_cache,
        output_includes_reasoning=counts.output_includes_reasoning,
    )
    return usage, source


def _complete(found: dict[str, int]) -> None:
    """Add the one of input and output that is missing where the total gives it away."""
    total = found.get("total_tokens")
    if total is None or ("input_tokens" in found) == ("output_tokens" in found):
        return
    known, missing = ("input_tokens", "output_tokens") if "input_tokens" in found else ("output_tokens", "input_tokens")
    if total >= found[known]:
        found[missing] = total - found[known]
