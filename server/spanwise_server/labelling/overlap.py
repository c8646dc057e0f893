"""How far answers agree that are on no scale: texts that say the same, and passages that overlap. Pure, own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from .agreement import Figure
from .answer import plain
from .rubric import Kind

#: Kinds without a scale -> why nothing beyond chance is said of them.
UNSCALED: Final[Mapping[Kind, str]] = {
    "text": "undefined: free text is on no scale; how often two people would write the same by chance is not known",
    "correction": "undefined: corrections are free text, which is on no scale",
    "assertions": "undefined: statements are free text, which is on no scale",
    "highlights": "undefined: how much could have been marked is not kept, so nothing is known of chance",
}
#: What the part of pairs is a part of, in words.
SAME: Final[Mapping[Kind, str]] = {
    "text": "of pairs of labels say it in the same words",
    "correction": "of pairs of labels say it in the same words",
    "assertions": "of the statements of two people are made by both, whatever their order",
    "highlights": "of what two people marked is marked by both, by characters",
}


def overlap(kind: Kind, units: Sequence[Mapping[str, Any]]) -> Figure:
    """Return how far the answers of two people are the same, as the mean over all pairs of answers to one item.

    Texts are the same or not, whatever their case and blanks; of statements and passages it is Dice's coefficient.
    """
    pairs = [_alike(kind, a, b) for unit in units for a, b in combinations(unit.values(), 2)]
    together = sum(len(unit) > 1 for unit in units)
    if not pairs:
        return Figure(None, "undefined: no item has two labels")
    return Figure(sum(pairs) / len(pairs), units=together)


def _alike(kind: Kind, one: Any, other: Any) -> float:
    if kind == "highlights":
        return _dice(_marked(one), _marked(other))
    if kind == "assertions":
        return _dice({_words(line) for line in one}, {_words(line) for line in other})
    return float(_words(plain(one)) == _words(plain(other)))


def _dice(one: set[Any], other: set[Any]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def _marked(passages: Sequence[Mapping[str, Any]]) -> set[int]:
    return {at for passage in passages for at in range(passage["start"], passage["end"])}


def _words(text: str) -> str:
    return " ".join(text.casefold().split())
