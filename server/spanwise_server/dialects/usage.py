"""Token counts of one dialect, read together: counts of two dialects may mean different things and never mix."""

from __future__ import annotations

from dataclasses import dataclass

from ..record import Usage
from .base import Draft


@dataclass(frozen=True, slots=True)
class Counts:
    """The attributes that hold each count, the newest spelling first, and what the dialect's totals include."""

    input: tuple[str, ...]
    output: tuple[str, ...]
    total: tuple[str, ...] = ()
    cache_read: tuple[str, ...] = ()
    cache_write: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    input_audio: tuple[str, ...] = ()
    output_audio: tuple[str, ...] = ()
    input_image: tuple[str, ...] = ()
    output_image: tuple[str, ...] = ()
    input_includes_cache: bool = True
    output_includes_reasoning: bool = True


def say_usage(draft: Draft, counts: Counts, *, input_includes_cache: bool | None = None) -> None:
    """Say the usage that *counts* finds, unless another dialect has said one."""
    if "usage" in draft.said:
        return
    asked, input_key = draft.count(*counts.input)
    answered, output_key = draft.count(*counts.output)
    total, total_key = draft.count(*counts.total)
    source = input_key or output_key or total_key
    if not source:
        return
    includes = counts.input_includes_cache if input_includes_cache is None else input_includes_cache
    if asked is None and answered is not None and total is not None and total >= answered:
        asked = total - answered
    elif answered is None and asked is not None and total is not None and total >= asked:
        answered = total - asked
    usage = Usage.from_totals(
        input_tokens=asked,
        output_tokens=answered,
        total_tokens=total,
        cache_read=draft.count(*counts.cache_read)[0],
        cache_write=draft.count(*counts.cache_write)[0],
        reasoning=draft.count(*counts.reasoning)[0],
        input_audio=draft.count(*counts.input_audio)[0],
        output_audio=draft.count(*counts.output_audio)[0],
        input_image=draft.count(*counts.input_image)[0],
        output_image=draft.count(*counts.output_image)[0],
        input_includes_cache=includes,
        output_includes_reasoning=counts.output_includes_reasoning,
    )
    draft.say("usage", usage, source)
