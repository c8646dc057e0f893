"""Figures about the traces that a query finds, counted on sets in memory: the same as ``figures.py`` asks in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from pyroaring import BitMap64 as BitMap

from ..query.filters import EVERYTHING, Query
from .base import Bar, Count, FacetValue, Totals
from .figures import MOST_COUNTED, MOST_FACETED, MOST_TRACES_PER_VALUE, by_rest, edges_between, in_order, totals_from
from .matching import Matcher, UntoldError
from .timeline import Timeline
from .trace_sets import TraceSets

#: A trace is put into its bar by itself in so many times what it takes among all others.
_SLOWER: Final = 20


def totals(sets: TraceSets, matcher: Matcher, query: Query) -> Totals:
    """Return the figures above the list, of the newest 10,000 traces where there are more."""
    found = matcher.found(query)
    newest = matcher.timeline.newest(found, MOST_COUNTED)
    totals = sets.totals_of(matcher.project_id, query.filter)
    totals.be_of(newest)
    traces = Count(len(newest), exact=len(found) <= MOST_COUNTED)
    return totals_from(traces, newest.intersection_cardinality(sets.failed), totals.cost_nusd, totals.durations)


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
    if query.filter == EVERYTHING:
        counts = [timeline.count(*edge) for edge in pairwise(edges)]
    else:
        counts = _in_bars(sets, timeline, found, edges)
    failed = _in_bars(sets, timeline, found & sets.failed, edges)
    bars_of = zip(pairwise(edges), counts, failed, strict=True)
    return tuple(Bar(*edge, n - errors, errors) for edge, n, errors in bars_of)


def _in_bars(sets: TraceSets, timeline: Timeline, found: BitMap, edges: Sequence[int]) -> list[int]:
    """Return how many of the traces *found* began between each two edges."""
    if len(found) <= len(timeline.rows) // _SLOWER:
        step = edges[1] - edges[0]
        counts = Counter([(at - edges[0]) // step for at in sets.start.of(found)])
        return [counts[at] for at in range(len(edges) - 1)]
    return [timeline.count_among(found, *edge) for edge in pairwise(edges)]


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
            counts.be_of(matcher.connection, sets.source, newest, sets.words_at_hand)
            found |= {field: counts.commonest(field, limit) for field in many}
        for field in of_them:
            if field not in many:
                found[field] = _counted(matcher, sets.values.get((matcher.project_id, field), {}), newest, limit)
    return in_order(found, fields)


def _counted(matcher: Matcher, values: Mapping[int, str], among: BitMap, limit: int) -> tuple[FacetValue, ...]:
    counts = ((value, matcher.word(word).intersection_cardinality(among)) for word, value in values.items())
    ordered = sorted(((value, n) for value, n in counts if n), key=lambda one: (-one[1], one[0]))
    return tuple(FacetValue(value, n) for value, n in ordered[:limit])


def values(sets: TraceSets, matcher: Matcher, field: str, prefix: str, limit: int) -> tuple[FacetValue, ...]:
    """Return values that begin with *prefix*, commonest first; counts stop at 1,000."""
    if not sets.has_all_of(matcher.project_id, field):
        raise UntoldError
    of_field = sets.values.get((matcher.project_id, field), {})
    counts = ((value, len(matcher.word(word))) for word, value in of_field.items() if value.startswith(prefix))
    found = [FacetValue(value, min(n, MOST_TRACES_PER_VALUE)) for value, n in counts if n]
    return tuple(sorted(found, key=lambda one: (-one.count, one.value))[:limit])
