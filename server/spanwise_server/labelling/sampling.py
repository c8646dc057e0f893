"""Random picks that are the same on every machine, and of which a larger pick holds the smaller one."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


def sampling_key(seed: str, name: str) -> bytes:
    """Return the place of *name* in the order that *seed* shuffles all names into."""
    return blake2b(name.encode(), key=blake2b(seed.encode(), digest_size=32).digest(), digest_size=16).digest()


def sample(things: Iterable[T], limit: int, name: Callable[[T], str], seed: str) -> list[T]:
    """Return *limit* of *things* in shuffled order: the same ones whatever order they come in, more hold fewer."""
    return heapq.nsmallest(limit, things, key=lambda thing: (sampling_key(seed, name(thing)), name(thing)))
