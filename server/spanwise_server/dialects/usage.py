"""Token counts of one dialect, read together: counts of two dialects may mean different things and never mix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..record import Usage
from .base import Draft
from .decode import count


@dataclass(slots=True)
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
    if "usage" not in draft.said:
        usage, source = counted(draft.attributes, counts)
        draft.say("usage", usage, source)


def counted(attributes: dict[str, Any], counts: Counts) -> tuple[Usage | None, str]:
    """Return the usage that *counts* finds among *attributes*, and where its first count stands."""
    if counts.every_key.isdisjoint(attributes):
        return None, ""
    found: dict[str, int] = {}
    source = ""
    for name, keys in counts.keys.items():
        for key in keys:
            if key in attributes and (tokens := count(attributes[key])) is not None:
                found[name] = tokens
                source = source or key
                break
    if not found:
        return None, ""
    _complete(found)
    usage = Usage.from_totals(
        **found,
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
