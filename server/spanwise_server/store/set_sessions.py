"""Pages of sessions from the sets in memory: the same as ``session_pages.py`` asks in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice, repeat
from typing import Final

from pyroaring import BitMap64 as BitMap

from ..query.filters import EVERYTHING, Query
from .all_sessions import AllSessions
from .base import Page, SessionSummary
from .cursor import Cursor, read_cursor
from .matching import Matcher, UntoldError
from .orders import BY_LABEL
from .row_numbers import UNSAID
from .session_order import MOST_ORDERED, NEWEST_FIRST, TEXTS, SessionSums, check_sort, ordered
from .session_pages import names_of, ordered_page, summaries_of, texts_of, words_of
from .timeline import Timeline
from .trace_sets import TraceSets

#: Traces looked at for one page at most, and at once.
_MOST_WALKED: Final = 50_000
_FIRST_AT_ONCE: Final = (100, 300)
_NEXT_AT_ONCE: Final = 1_000


def session_page(sets: TraceSets, matcher: Matcher, query: Query) -> Page[SessionSummary]:
    """Return one page of sessions, in the order of *query*."""
    check_sort(query.sort)
    return _newest(sets, matcher, query) if query.sort == NEWEST_FIRST else _sorted(sets, matcher, query)


def _sorted(sets: TraceSets, matcher: Matcher, query: Query) -> Page[SessionSummary]:
    """Return one page of all sessions by what they come to, or of the newest where that is not known of all."""
    every = sets.every_session(matcher.connection, matcher.project_id)
    if every is not None:
        return _of_all(sets, matcher, query, every)
    newest = [session for *_, session in islice(_newest_of_each(sets, matcher, query, None), MOST_ORDERED + 1)]
    left_out = len(newest) > MOST_ORDERED or newest[-1:] == [UNSAID]
    words = [session for session in newest[:MOST_ORDERED] if session != UNSAID]
    of_newest = len(words) if left_out else None
    return ordered_page(matcher.connection, matcher.project_id, query, _sums(sets, matcher, words), of_newest)


def _of_all(sets: TraceSets, matcher: Matcher, query: Query, every: AllSessions) -> Page[SessionSummary]:
    """Return one page of all sessions with a trace that *query* finds."""
    connection, project_id = matcher.connection, matcher.project_id
    every.learn(partial(names_of, connection))
    among = None
    if query.filter != EVERYTHING or query.from_ns is not None or query.to_ns is not None:
        found = matcher.found(query)
        among = set(sets.session.of(found)) if len(found) < len(matcher.timeline.all) else None
    of = query.sort.removeprefix("-")
    if of in TEXTS and (edges := every.edges()):
        if sets.source.moment(connection) != sets.at:
            raise UntoldError
        every.tell(texts_of(connection, project_id, edges))
    said = _first_labels(sets, matcher) if of == BY_LABEL else None
    page = ordered(every.values(of, among, said), query)
    words = words_of(connection, project_id, page.sessions)
    summaries = summaries_of(connection, project_id, _sums(sets, matcher, words))
    items = tuple(summaries[session] for session in page.sessions if session in summaries)
    return Page(items, page.next_cursor, page.previous_cursor)


def _first_labels(sets: TraceSets, matcher: Matcher) -> dict[int, str]:
    """Return the first of the labels of each session that has one, by the number of its word."""
    if not sets.has_all_of(matcher.project_id, "label"):
        raise UntoldError
    labels = sets.values.get((matcher.project_id, "label"), {})
    found: dict[int, str] = {}
    for label, word in sorted(((label, word) for word, label in labels.items()), reverse=True):
        found.update(dict.fromkeys(sets.session.of(matcher.word(word)), label))
    found.pop(UNSAID, None)
    return found


def _newest(sets: TraceSets, matcher: Matcher, query: Query) -> Page[SessionSummary]:
    """Return one page of sessions, the one with the newest trace that *query* finds first."""
    cursor = None if query.cursor is None else read_cursor(query.cursor, NEWEST_FIRST)
    begin = None if cursor is None or cursor.value is None else (int(cursor.value), cursor.row)
    newer = BitMap() if begin is None else matcher.found(query) & _from(matcher.timeline, begin)
    found: list[int] = []
    at: tuple[int, int] | None = None
    more = False
    for start, row, session in _newest_of_each(sets, matcher, query, begin):
        at = start, row
        if session == UNSAID:
            more = True
        elif newer.isdisjoint(sets.session_rows(matcher.connection, session)):  # else an earlier page had it
            found.append(session)
            more = len(found) == query.limit
        if more:
            break
    sums = _sums(sets, matcher, found)
    summaries = summaries_of(matcher.connection, matcher.project_id, sums)
    items = tuple(summaries[session] for session in sums if session in summaries)
    return Page(items, Cursor(NEWEST_FIRST, *at).text() if more and at is not None else None)


def _from(timeline: Timeline, begin: tuple[int, int]) -> BitMap:
    """Return the rows of the traces at *begin*, a time and a row, or newer."""
    start, first = begin
    return timeline.between(start, None) - BitMap([row for row in timeline.between(start, start + 1) if row < first])


def _newest_of_each(
    sets: TraceSets, matcher: Matcher, query: Query, begin: tuple[int, int] | None
) -> Iterator[tuple[int, int, int]]:
    """Yield the newest trace of each session older than *begin*: its start, its row and the session.

    Where the walk ends before the traces do, the last one is of ``UNSAID``.
    """
    timeline, among = matcher.timeline, matcher.found(query)
    if begin is not None:
        among = among - _from(timeline, begin)
    met, walked = {UNSAID}, 0
    sizes = chain(_FIRST_AT_ONCE, repeat(_NEXT_AT_ONCE))
    for some in timeline.slices(query.from_ns, query.to_ns, None if begin is None else begin[0], sizes, newer=False):
        rows = list(some & among)
        sessions = sets.session.of(rows)
        if not met.issuperset(sessions):
            for start, row, session in sorted(zip(sets.start.of(rows), rows, sessions, strict=True), reverse=True):
                if session not in met:
                    met.add(session)
                    yield start, row, session
        walked += len(rows)
        if rows and walked >= _MOST_WALKED:
            yield (*min(zip(sets.start.of(rows), rows, strict=True)), UNSAID)
            return


def _sums(sets: TraceSets, matcher: Matcher, found: Sequence[int]) -> dict[str, SessionSums]:
    """Return what all traces of each session come to, in the order of their words in *found*."""
    names = names_of(matcher.connection, found)
    sums: dict[str, SessionSums] = {}
    for word in found:
        of = sets.session_sums(matcher.connection, word, names[word]) if word in names else None
        if of is None:
            raise UntoldError
        sums[names[word]] = of
    return sums
