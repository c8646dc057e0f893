"""Figures about the traces that a query finds, counted on sets in memory: the same as ``figures.py`` asks in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from pyroaring import BitMap

from ..query.filters import Query
from .base import Bar, Count, FacetValue, Totals
from .figures import MOST_COUNTED, MOST_FACETED, by_rest, edges_between, in_order, totals_from
from .matching import Matcher
from .trace_sets import UNSAID, TraceSets

#: Up to so many traces are put into bars one by one.
_FEW: Final = 500


def totals(sets: TraceSets, matcher: Matcher, query: Query) -> Totals:
    """Return the figures above the list, of the newest 10,000 traces where there are more."""
    found = matcher.found(query)
    newest = matcher.timeline.newest(found, MOST_COUNTED)
    rows = list(newest)
    costs = [cost for cost in sets.numbers["cost"].of(rows) if cost != UNSAID]
    traces = Count(len(rows), exact=len(found) <= MOST_COUNTED)
    return totals_from(traces, newest.intersection_cardinality(sets.failed), costs, sets.numbers["latency"].of(rows))


def histogram(sets: TraceSets, matcher: Matcher, query: Query, bars: int) -> tuple[Bar, ...]:
    """Return traces over time in equal steps; an open side of the range ends where the project's traces do."""
    first, last, timeline = query.from_ns, query.to_ns, matcher.timeline
    if timeline.times:
        first = timeline.times[0] if first is None else first
        last = timeline.times[-1] + 1 if last is None else last
    edges = edges_between(first, last, bars)
    if not edges:
        return ()
    found = matcher.found(replace(query, from_ns=edges[0], to_ns=edges[-1]))
    failed = found & sets.failed
    if len(found) <= _FEW:
        step = edges[1] - edges[0]
        starts = (Counter((at - edges[0]) // step for at in sets.start.of(some)) for some in (found, failed))
        counts = [*zip(*([starts_of[at] for at in range(bars)] for starts_of in starts), strict=True)]
    else:
        inside = [timeline.between(*edge) for edge in pairwise(edges)]
        counts = [(one.intersection_cardinality(found), one.intersection_cardinality(failed)) for one in inside]
    return tuple(Bar(*edge, n - errors, errors) for edge, (n, errors) in zip(pairwise(edges), counts, strict=True))


def facets(
    sets: TraceSets, matcher: Matcher, query: Query, fields: Sequence[str], limit: int
) -> Mapping[str, tuple[FacetValue, ...]]:
    """Return the commonest values of *fields* among the newest 5,000 traces found without the field's own terms."""
    found: dict[str, tuple[FacetValue, ...]] = {}
    for rest, of_them in by_rest(query.filter, fields).items():
        newest = matcher.timeline.newest(matcher.found(replace(query, filter=rest)), MOST_FACETED)
        many = [field for field in of_them if not sets.has_all_of(matcher.project_id, field)]
        if many:
            counts = sets.counts_of(matcher.project_id, rest, many)
            counts.be_of(matcher.connection, newest, sets.words_at_hand)
            found |= {field: counts.commonest(field, limit) for field in many}
        for field in of_them:
            if field not in many:
                found[field] = _counted(matcher, sets.values.get((matcher.project_id, field), {}), newest, limit)
    return in_order(found, fields)


def _counted(matcher: Matcher, values: Mapping[int, str], among: BitMap, limit: int) -> tuple[FacetValue, ...]:
    counts = ((value, matcher.word(word).intersection_cardinality(among)) for word, value in values.items())
    ordered = sorted(((value, n) for value, n in counts if n), key=lambda one: (-one[1], one[0]))
    return tuple(FacetValue(value, n) for value, n in ordered[:limit])
