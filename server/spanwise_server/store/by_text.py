"""Lists in the order of texts that no index has: one text after another, and those that say it in the order of time.

The rows of one text are found as a filter finds them, so that such a list needs no index beside those of filters and of
time. It has to be known which texts there are: of labels the words tell that, of spans the rollups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from ..query.filters import Query
from .base import Page
from .cursor import Cursor, read_cursor
from .find import MOST_ITEMS, limit_of

T = TypeVar("T")
Placed: TypeAlias = tuple[T, int, int]
"""What a list shows of a row, when it began, and its number or what else decides between those that began at once."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one list."""

    said: Sequence[str]
    """All of them, in order."""
    narrowed: Callable[[str | None], Query]
    """Returns the query for what stands with one of them, or with none."""
    some_unsaid: bool = True
    """Whether anything can stand with none."""


def page_by_text(query: Query, texts: Texts, find: Callable[[Query], Page[Placed[T]]]) -> Page[T]:
    """Return one page in the order of *texts*; *find* finds by time."""
    cursor = None if query.cursor is None else read_cursor(query.cursor, query.sort)
    backwards = cursor is not None and cursor.backwards
    falls = query.sort.startswith("-") != backwards
    by_time = "-time" if falls else "time"
    limit, more = limit_of(query), False
    rows: list[tuple[str | None, Placed[T]]] = []
    for text in _in_turn(texts, cursor, falls=falls):
        begin = None
        if cursor is not None and text == cursor.words:
            begin = Cursor(by_time, cursor.value, cursor.row).text()
        wanted = min(limit + 1 - len(rows), MOST_ITEMS)
        page = find(replace(texts.narrowed(text), sort=by_time, limit=wanted, cursor=begin))
        rows += [(text, one) for one in page.items]
        more = len(rows) > limit or page.next_cursor is not None
        if more:
            break
    rows = rows[:limit]
    if backwards:
        rows.reverse()
    if not rows:
        return Page(())

    def beside(row: tuple[str | None, Placed[T]], *, before: bool) -> str:
        text, (_, start_ns, number) = row
        return Cursor.at(query.sort, text, number, start_ns, backwards=before).text()

    return Page(
        tuple(one for _, (one, _, _) in rows),
        beside(rows[-1], before=False) if more or backwards else None,
        beside(rows[0], before=True) if (more if backwards else cursor is not None) else None,
    )


def _in_turn(texts: Texts, cursor: Cursor | None, *, falls: bool) -> Iterator[str | None]:
    """Yield the texts from the cursor on; ``None``, where none is said, comes last whichever way the list goes."""
    backwards = cursor is not None and cursor.backwards
    at = None if cursor is None else cursor.words
    if cursor is not None and at is None:
        yield None
        if not backwards:
            return
    for text in reversed(texts.said) if falls else texts.said:
        if at is None or text == at or (text < at) == falls:
            yield text
    if not backwards and texts.some_unsaid:
        yield None
