"""Two traces step by step, and two texts word by word: what is the same, what went, what came. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
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


@dataclass(frozen=True, slots=True)
class _Node:
    """One step and the steps below it."""

    row: Row
    below: list[_Node]


_Nodes = tuple[_Node | None, _Node | None]


def align(a: Sequence[Row], b: Sequence[Row]) -> tuple[Pair, ...]:
    """Return the steps of both, what is below a step aligned with what is below the one beside it.

    Of those below, the longest runs that agree in kind and name stand side by side. What is between two runs is paired
    in order where the kind agrees; a step without its like stands alone, followed by all that is below it.
    """
    found: list[tuple[Row | None, Row | None]] = []
    left = list(reversed(_siblings(_forest(a[:MOST_STEPS]), _forest(b[:MOST_STEPS]))))
    while left:
        one, other = left.pop()
        found.append((one.row if one else None, other.row if other else None))
        left += reversed(_siblings(one.below if one else [], other.below if other else []))
    return tuple(Pair(n, *pair) for n, pair in enumerate(found))


def _forest(rows: Sequence[Row]) -> list[_Node]:
    """Return the outermost of *rows*, which stand in the order of their tree."""
    roots: list[_Node] = []
    open_: list[_Node] = []
    for row in rows:
        while open_ and open_[-1].row.level >= row.level:
            open_.pop()
        node = _Node(row, [])
        (open_[-1].below if open_ else roots).append(node)
        open_.append(node)
    return roots


def _siblings(a: Sequence[_Node], b: Sequence[_Node]) -> list[_Nodes]:
    found: list[_Nodes] = []
    for same, some, others in _runs(a, b, _key):
        found += zip(some, others, strict=True) if same else _between(some, others)
    return found


def _between(a: Sequence[_Node], b: Sequence[_Node]) -> list[_Nodes]:
    if len(a) == len(b) == 1 and {_key(node) for node in a[0].below} & {_key(node) for node in b[0].below}:
        return [(a[0], b[0])]  # another kind, yet it does the same
    found: list[_Nodes] = []
    for same, some, others in _runs(a, b, _kind):
        if same:
            found += zip(some, others, strict=True)
        else:
            found += [(one, None) for one in some]
            found += [(None, other) for other in others]
    return found


def _runs(
    a: Sequence[_Node], b: Sequence[_Node], key: Callable[[_Node], Hashable]
) -> Iterator[tuple[bool, Sequence[_Node], Sequence[_Node]]]:
    """Yield one part of both after the other, and whether they agree in it."""
    matcher = SequenceMatcher(None, [key(node) for node in a], [key(node) for node in b], autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        yield tag == "equal", a[a0:a1], b[b0:b1]


def _key(node: _Node) -> tuple[str, str]:
    return node.row.record.kind, node.row.record.name


def _kind(node: _Node) -> str:
    return node.row.record.kind


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
