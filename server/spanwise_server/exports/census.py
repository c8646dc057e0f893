"""What a version holds, counted: where its examples come from, and what each file format leaves out."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..datasets.example import Example
from ..datasets.splits import straddling
from ..datasets.version import Version
from ..store.datasets import Datasets
from .export import exports

_MOST_KEPT: Final = 256
#: The usual splits, in the order in which they are shown.
_SPLITS: Final = ("train", "dev", "validation", "test")
#: Content hash and how many examples are gone -> census: what a version holds never grows, so it is counted once.
_kept: OrderedDict[tuple[str, int], Census] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Census:
    """The counts of one version."""

    passed: int
    failed: int
    corrected: int
    unlabelled: int
    splits: Mapping[str, int]
    """How many examples are of each split."""
    straddling: int
    """How many sessions or inputs are in several splits, which would leak."""
    left_out: Mapping[str, Mapping[str, int]]
    """Format -> reason -> how many examples it leaves out."""

    def taken(self, format_name: str, examples: int) -> int:
        """Return how many of all *examples* a format takes."""
        return examples - sum(self.left_out.get(format_name, {}).values())


def census(datasets: Datasets, version: Version) -> Census:
    """Return the counts of *version*."""
    key = version.content_hash, version.forgotten
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = _count(datasets, version)
        if len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return found


def is_corrected(example: Example) -> bool:
    """Return whether what is expected is not what was answered."""
    return example.expected_output is not None and example.expected_output != example.actual_output


def _count(datasets: Datasets, version: Version) -> Census:
    verdicts: Counter[str | None] = Counter()
    splits: Counter[str] = Counter()
    corrected = unlabelled = 0
    straddles = straddling(datasets.examples(version.id))
    reasons: dict[str, Counter[str]] = {name: Counter() for name in exports()}
    for example in datasets.examples(version.id):
        verdicts[(example.label or {}).get("verdict")] += 1
        corrected += is_corrected(example)
        unlabelled += example.label is None
        if example.split:
            splits[example.split] += 1
        for name, export in exports().items():
            reason = export.left_out(example)
            if reason is not None:
                reasons[name][reason] += 1
    left_out = {name: dict(counts.most_common()) for name, counts in reasons.items()}
    return Census(
        verdicts["pass"],
        verdicts["fail"],
        corrected,
        unlabelled,
        {name: splits[name] for name in sorted(splits, key=_split_order)},
        straddles,
        left_out,
    )


def _split_order(name: str) -> tuple[int, str]:
    return (_SPLITS.index(name) if name in _SPLITS else len(_SPLITS), name)
