"""Two versions of a dataset side by side, with what changed whole."""

from __future__ import annotations

from dataclasses import dataclass

from ..store.datasets import Datasets
from .difference import MOST_SHOWN, Changed, Difference
from .example import Example
from .version import Version


@dataclass(frozen=True, slots=True)
class Compared:
    """What two versions differ in; of added, removed and changed examples the first ones whole."""

    before: Version
    after: Version
    difference: Difference
    added: tuple[Example, ...]
    removed: tuple[Example, ...]
    changed: tuple[Changed, ...]


def compared(datasets: Datasets, before: Version, after: Version) -> Compared:
    """Return what *after* adds, removes and changes."""
    found = datasets.difference(before, after)
    old = datasets.chosen(before.id, (*found.removed[:MOST_SHOWN], *found.changed[:MOST_SHOWN]))
    new = datasets.chosen(after.id, (*found.added[:MOST_SHOWN], *found.changed[:MOST_SHOWN]))
    return Compared(
        before,
        after,
        found,
        added=tuple(new[name] for name in found.added if name in new),
        removed=tuple(old[name] for name in found.removed if name in old),
        changed=tuple(Changed(old[name], new[name]) for name in found.changed if name in old and name in new),
    )
