"""Critiques as weighted features of their text, for how alike they are: no model, nothing leaves the machine. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

Vector = Mapping[str, float]
"""Feature -> weight; of length one, so that a product of two is their likeness from 0 to 1."""

_WORD: Final = re.compile(r"[^\W_]+")
#: Words that say nothing of what went wrong, those among them that most critiques of answers have.
_STOP: Final = """
a about after again all also although am an and any are as at be because been before being but by can could
did do does doing done down during each few for from further get gets got had has have having he her here hers
him his how i if in into is it its itself just me more most my no nor not now of off on once only or other our
out over own same should so some such than that the their them then there these they this those through to too
under until up very was we were what when where which while who whom why will with would you your don doesn
didn isn wasn answer answers answered response reply output model assistant agent bot user customer says said
say
"""
STOP: Final = frozenset(_STOP.split())
_ENDINGS: Final = ("ations", "ation", "ingly", "ments", "ment", "ings", "ing", "edly", "ies", "ied", "ed", "es", "s")
_LEAST_STEM: Final = 4
_GRAM: Final = 4
#: How much features weigh beside a word.
_PAIR: Final = 0.7
_PIECE: Final = 0.35


def words_in(text: str) -> list[str]:
    """Return the words of a text that can say what went wrong, in order."""
    return [word for word in _WORD.findall(text.lower()) if word not in STOP and (len(word) > 1 or not word.isascii())]


def stem(word: str) -> str:
    """Return a word without a common English ending, where enough of it is left."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word[: -len(ending)]
    return word


def vectors(texts: Sequence[str]) -> list[Vector]:
    """Return each text as its features: rare ones weigh more, those of a single text tell nothing of likeness."""
    counts = [_features(text) for text in texts]
    known = Counter(feature for found in counts for feature in found)
    n = len(texts)
    return [_weighed(found, known, n) for found in counts]


def likeness(one: Vector, other: Vector) -> float:
    """Return how alike two texts are, from 0 to 1 (cosine)."""
    small, large = sorted((one, other), key=len)
    return sum(weight * large[feature] for feature, weight in small.items() if feature in large)


def middle(found: Sequence[Vector]) -> Vector:
    """Return what several texts have in common, as one of length one."""
    total: defaultdict[str, float] = defaultdict(float)
    for vector in found:
        for feature, weight in vector.items():
            total[feature] += weight
    return _unit(total)


def _features(text: str) -> dict[str, float]:
    words = words_in(text)
    stems = [stem(word) for word in words]
    found: defaultdict[str, float] = defaultdict(float)
    for each in stems:
        found[each] += 1.0
        for at in range(len(each) - _GRAM + 1):
            found[f"~{each[at : at + _GRAM]}"] += _PIECE
    for pair in pairwise(stems):
        found[" ".join(pair)] += _PAIR
    return found


def _weighed(found: Mapping[str, float], known: Mapping[str, int], n: int) -> Vector:
    return _unit({feature: count * math.log((1 + n) / known[feature]) for feature, count in found.items()})


def _unit(weights: Mapping[str, float]) -> Vector:
    length = math.sqrt(math.fsum(weight**2 for weight in weights.values()))
    return {feature: weight / length for feature, weight in sorted(weights.items())} if length else {}
