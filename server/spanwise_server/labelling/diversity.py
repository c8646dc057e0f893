"""Texts as different from each other as can be, without a model: sketches of their character triples. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

_BITS: Final = 1_024
_TRIPLE: Final = 3


def spread(texts: Sequence[str], most: int) -> list[int]:
    """Return up to *most* positions: the first text, then always the one farthest from all that were taken.

    A larger *most* begins with the smaller one's positions; ties go to the earlier text.
    """
    if not texts:
        return []
    sketches = [sketch(text) for text in texts]
    near = [0.0] * len(texts)
    taken = [0]
    left = set(range(1, len(texts)))
    for at in left:
        near[at] = distance(sketches[0], sketches[at])
    while left and len(taken) < most:
        farthest = max(left, key=lambda at: (near[at], -at))
        taken.append(farthest)
        left.discard(farthest)
        for at in left:
            near[at] = min(near[at], distance(sketches[farthest], sketches[at]))
    return taken


def sketch(text: str) -> int:
    """Return the character triples of a text as a set of bits."""
    plain = " ".join(text.lower().split())
    bits = 0
    for triple in {plain[at : at + _TRIPLE] for at in range(max(1, len(plain) - _TRIPLE + 1))}:
        bits |= 1 << int.from_bytes(blake2b(triple.encode(), digest_size=2).digest(), "big") % _BITS
    return bits


def distance(one: int, other: int) -> float:
    """Return how little two sketches share, from 0 to 1 (Jaccard)."""
    together = (one | other).bit_count()
    return 1.0 - (one & other).bit_count() / together if together else 0.0
