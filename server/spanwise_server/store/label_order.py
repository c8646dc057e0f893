"""Traces in the order of their labels: one with several stands with the first of them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import Final, Protocol

from ..query.filters import And, Filter, Not, Query, Term
from .base import FacetValue
from .by_text import Texts
from .orders import BY_LABEL

_ALL_LABELS: Final = 1_000_000


class Labelled(Protocol):
    """A store, whose labels are asked for."""

    def values(self, project: str, field: str, prefix: str, limit: int = 10) -> tuple[FacetValue, ...]:
        """Return values that exist and begin with *prefix*."""


def is_by_label(sort: str) -> bool:
    """Return whether *sort* is the order of labels."""
    return sort.removeprefix("-") == BY_LABEL


def texts_of_labels(store: Labelled, query: Query) -> Texts:
    """Return the labels of a project, and what finds the traces that stand with each."""
    labels = sorted(one.value for one in store.values(query.project, "label", "", _ALL_LABELS))

    def narrowed(label: str | None) -> Query:
        before = labels if label is None else labels[: bisect_left(labels, label)]
        asked: list[Filter] = [query.filter]
        if label is not None:
            asked.append(Term("label", "=", (label,)))
        if before:
            asked.append(Not(Term("label", "=", tuple(before))))
        return replace(query, filter=And(tuple(asked)))

    return Texts(labels, narrowed)
