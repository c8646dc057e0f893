"""Two traces step by step, and two texts word by word: what is the same, what went, what came. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

from markupsafe import Markup

from .waterfall import Row

#: Steps of a trace that are aligned, and words of a text; the rest is left out, and the page says so.
MOST_STEPS: Final = 1_000
MOST_WORDS: Final = 3_000
_TOKEN: Final = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Pair:
    """One step of both traces, or of one of them where the other has none like it."""

    number: int
    a: Row | None
    b: Row | None

    @property
    def delta_ms(self) -> float | None:
        """How much longer B took."""
        return None if self.a is None or self.b is None else self.b.record.duration_ms - self.a.record.duration_ms

    @property
    def delta_nusd(self) -> int | None:
        """How much more B cost, itself and what it led to."""
        if self.a is None or self.b is None or self.a.cost_nusd is None or self.b.cost_nusd is None:
            return None
        return self.b.cost_nusd - self.a.cost_nusd


@dataclass(frozen=True, slots=True)
class WordDiff:
    """Two texts with what differs marked."""

    a: Markup
    b: Markup
    same: bool
    cut: bool


def align(a: Sequence[Row], b: Sequence[Row]) -> tuple[Pair, ...]:
    """Return the steps of both, aligned by kind, name and depth in the longest runs that agree.

    What stands between two runs is paired in order where the kind agrees, and stands alone where it does not.
    """
    a, b = a[:MOST_STEPS], b[:MOST_STEPS]
    found: list[tuple[Row | None, Row | None]] = []
    matcher = SequenceMatcher(None, [_key(row) for row in a], [_key(row) for row in b], autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag == "equal":
            found += zip(a[a0:a1], b[b0:b1], strict=True)
        else:
            found += _between(a[a0:a1], b[b0:b1])
    return tuple(Pair(n, *pair) for n, pair in enumerate(found))


def _key(row: Row) -> tuple[str, str, int]:
    return row.record.kind, row.record.name, row.level


def _between(a: Sequence[Row], b: Sequence[Row]) -> list[tuple[Row | None, Row | None]]:
    found: list[tuple[Row | None, Row | None]] = []
    for one, other in zip_longest(a, b):
        if one is not None and other is not None and one.record.kind == other.record.kind:
            found.append((one, other))
            continue
        if one is not None:
            found.append((one, None))
        if other is not None:
            found.append((None, other))
    return found


def word_diff(a: str, b: str) -> WordDiff:
    """Return both texts with the words that only one of them has as ``del`` in A and ``ins`` in B."""
    before, after = _TOKEN.findall(a), _TOKEN.findall(b)
    cut = len(before) > MOST_WORDS or len(after) > MOST_WORDS
    before, after = before[:MOST_WORDS], after[:MOST_WORDS]
    left, right = Markup(), Markup()
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, before, after, autojunk=len(before) > 500).get_opcodes():
        gone, came = "".join(before[a0:a1]), "".join(after[b0:b1])
        if tag == "equal":
            left += gone
            right += came
            continue
        left += Markup("<del>{}</del>").format(gone) if gone else ""
        right += Markup("<ins>{}</ins>").format(came) if came else ""
    return WordDiff(left, right, a == b, cut)
