"""The commonest values among what a query finds in ClickHouse, and values that exist, for completion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from ..query.filters import Query
from .base import FacetValue
from .clickhouse_figures import newest_first, of_block
from .clickhouse_find import Finder
from .clickhouse_rows import OF_WORD
from .conditions import Sql
from .day_block import DayBlock
from .figures import MOST_FACETED, MOST_TRACES_PER_VALUE, by_rest, in_order
from .kept_days import Stretch

#: As it stands within a text of SQL.
_OF_WORD: Final = "\\x1F"

LabelsOf = Callable[[Callable[[], Sequence[bytes]]], Counter[str]]
"""Counts labels of the traces that it is told when it asks: it need not where no label was ever given."""


def facets(
    finder: Finder, query: Query, fields: Sequence[str], limit: int, labels_of: LabelsOf
) -> Mapping[str, tuple[FacetValue, ...]]:
    """Return the commonest values of *fields* among the newest 5,000 traces found without the field's own terms."""
    found: dict[str, tuple[FacetValue, ...]] = {}
    for rest, of_them in by_rest(query.filter, fields).items():
        narrowed = replace(query, filter=rest)
        counts = _word_counts(finder, narrowed, [field for field in of_them if field != "label"])
        if "label" in of_them:
            counts["label"] = labels_of(partial(_newest_ids, finder, narrowed))
        for field in of_them:
            ordered = sorted(counts.get(field, Counter()).items(), key=lambda one: (-one[1], one[0]))[:limit]
            found[field] = tuple(FacetValue(value, n) for value, n in ordered)
    return in_order(found, fields)


def _newest(finder: Finder, query: Query, column: str, most: int) -> Sql:
    where = finder.compiler(query).traces()
    order = f"ORDER BY t.start_ns DESC LIMIT {most}"
    return Sql(f"SELECT t.{column} AS {column} FROM traces AS t WHERE {where.text} {order}", where.values)


def _newest_ids(finder: Finder, query: Query) -> list[bytes]:
    found: list[bytes] = []
    for some in newest_first(finder, query, found, MOST_FACETED):
        most = MOST_FACETED - len(found)
        if isinstance(some, Stretch):
            found += of_block(some, most, lambda block, first, last: list(map(block.id_of, range(first, last))))
        else:
            found += [trace_id for (trace_id,) in finder.server.rows(_newest(finder, some, "trace_id", most))]
        if len(found) >= MOST_FACETED:
            break
    return found


def _word_counts(finder: Finder, query: Query, fields: Sequence[str]) -> dict[str, Counter[str]]:
    if not fields:
        return {}
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    traces: list[None] = []
    kept: list[tuple[Stretch, int]] = []
    for some in newest_first(finder, query, traces, MOST_FACETED):
        most = MOST_FACETED - len(traces)
        if isinstance(some, Stretch) and finder.kept_days.can_tell_words(some):
            kept.append((some, most))
            first, last = some.rows
            traces += [None] * (last - first)
        else:
            asked = some.query if isinstance(some, Stretch) else some
            traces += [None] * _count_words(finder, asked, fields, most, counts)
        if len(traces) >= MOST_FACETED:
            break
    words = finder.kept_days.with_words(finder, [stretch for stretch, _ in kept])
    if words is None:
        for stretch, most in kept:
            _count_words(finder, stretch.query, fields, most, counts)
        return dict(counts)
    numbers: Counter[int] = Counter()
    for stretch, most in kept:
        numbers.update(of_block(stretch, most, DayBlock.words_of))
    wanted = frozenset(fields)
    for number, n in numbers.items():
        field, value = words[number]
        if field in wanted:
            counts[field][value] += n
    return dict(counts)


def _count_words(
    finder: Finder, query: Query, fields: Sequence[str], most: int, counts: Mapping[str, Counter[str]]
) -> int:
    """Count the words of the newest traces that *query* finds, *most* of them; return how many they are."""
    traces, newest = 0, _newest(finder, query, "words", most)
    for field, text, n in finder.server.rows(
        Sql(
            f"SELECT substring(w, 1, position(w, '{_OF_WORD}') - 1) AS field, w, count() AS n "
            f"FROM ({newest.text}) ARRAY JOIN arrayPushBack(words, '') AS w "
            f"WHERE field IN ('', {', '.join('?' * len(fields))}) GROUP BY w",
            (*newest.values, *fields),
        )
    ):
        if field:
            counts[field][text.partition(OF_WORD)[2]] += n
        else:  # stands in every trace once
            traces += n
    return traces


def values(finder: Finder, field: str, prefix: str, limit: int) -> tuple[FacetValue, ...]:
    """Return values of a field of words that begin with *prefix*, commonest first; counts stop at 1,000."""
    begins = f"{field}{OF_WORD}{prefix}"
    rows = finder.server.rows(
        Sql(
            "SELECT w, count() AS n FROM traces AS t ARRAY JOIN t.words AS w WHERE t.project_id = ? "
            f"AND startsWith(w, ?) GROUP BY w ORDER BY least(n, {MOST_TRACES_PER_VALUE}) DESC, w LIMIT {limit}",
            (finder.project_id, begins),
        )
    )
    return tuple(FacetValue(text.partition(OF_WORD)[2], min(n, MOST_TRACES_PER_VALUE)) for text, n in rows)
