"""Phrases and attributes asked of PostgreSQL: GIN indices over the words of texts, and of attributes.

A phrase is found by where its words stand, up to the last place that PostgreSQL counts, which is the 16,383rd. What
words cannot prove of attributes (comparisons, patterns) is read of the spans that have the key. Attributes are always
indexed, several spans together (``attribute_blocks.py``); texts are where the store was told to, span by span, since
they make it larger and writing dearer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from ..errors import SpanwiseError
from ..query.filters import Term, Text
from ..record import Record
from . import attribute_blocks as blocks
from . import attribute_words as attributes
from .address import MOST_PLACES, PLACE_BITS
from .assemble import Assembler
from .conditions import EVERYTHING, MOST_DRIVEN, Sql
from .connection import Asked, Connection
from .rows import SpanRow
from .search_words import BETWEEN, searchable, words_in

if TYPE_CHECKING:
    from .postgres_connection import PostgresConnection

#: Of one word; PostgreSQL keeps none of 2 KB.
_MOST_LETTERS: Final = 250
#: What a tsvector can tell of where words stand.
_LAST_PLACE: Final = 16_383
_MOST_PLACES_OF_WORD: Final = 255
_PROVED_AT_ONCE: Final = 500
#: The traces of more spans than this are not gathered beforehand, but asked one by one.
_MOST_GATHERED: Final = 20_000
#: More spans than this are not read to answer one question.
MOST_PROVED: Final = 20_000
_INSIDE_TRACE: Final = f"w.id BETWEEN t.id << {PLACE_BITS} AND (t.id << {PLACE_BITS}) + {MOST_PLACES - 1}"
#: Keeps PostgreSQL from asking the index for all there are, where it should look at those of one trace.
_ONE_BY_ONE: Final = "OFFSET 0"
_SAYS: Final = "w.body @@ CAST(? AS tsquery)"
_NO_TEXTS: Final = SpanwiseError(
    "This store does not keep the words of texts, so they cannot be searched.",
    "Start the server with --full-text on, then run `spanwise reindex`; fields and attributes are found without.",
)


@dataclass(frozen=True, slots=True)
class _Asks:
    """The ways to ask for words."""

    few: Sql
    """A query for the rows of traces that have them, some maybe several times, up to one more than are gathered."""
    trace_says: Sql
    span_says: Sql
    spans: Sql
    """A query for addresses of spans, named ``at``."""


def _texts_with(query: str) -> _Asks:
    values = (query,)
    return _Asks(
        Sql(f"SELECT w.id >> {PLACE_BITS} FROM span_words w WHERE {_SAYS} LIMIT {_MOST_GATHERED + 1}", values),
        Sql(f"EXISTS (SELECT 1 FROM span_words w WHERE {_INSIDE_TRACE} AND {_SAYS} {_ONE_BY_ONE})", values),
        Sql(f"EXISTS (SELECT 1 FROM span_words w WHERE w.id = s.id AND {_SAYS} {_ONE_BY_ONE})", values),
        Sql(f"SELECT w.id AS at FROM span_words w WHERE {_SAYS}", values),
    )


def _attributes_with(words: Sequence[int]) -> _Asks:
    return _Asks(
        blocks.blocks_with(words, _MOST_GATHERED + 1),
        blocks.trace_says(words),
        blocks.span_says(words),
        blocks.spans_with(words),
    )


class GinIndex:
    """How a PostgreSQL store finds words."""

    def __init__(self, *, full_text: bool) -> None:
        self.full_text = full_text

    @staticmethod
    def vector_of(record: Record) -> str:
        """Return the words of a span's texts as PostgreSQL reads a tsvector."""
        places: dict[str, list[int]] = {}
        place = 0
        for part in searchable(record).split(BETWEEN):
            for word in words_in(part):
                place += 1
                of_word = places.setdefault(word[:_MOST_LETTERS], [])
                if place <= _LAST_PLACE and len(of_word) < _MOST_PLACES_OF_WORD:
                    of_word.append(place)
            place += 1  # no phrase reaches over it
        return " ".join(f"{word}:{','.join(map(str, at))}" if at else word for word, at in places.items())

    def few_traces(self, connection: Connection, asked: Asked, part: Text | Term) -> tuple[int, Sql] | None:
        """Return how many traces *part* leaves and a query for their rows, named ``row``; ``None`` where many."""
        rows = self._few(connection, asked, part)
        if rows is None or len(rows) > MOST_DRIVEN:
            return None
        return len(rows), Sql("SELECT unnest(CAST(? AS bigint[])) AS row", (rows,))

    def of_trace(self, connection: Connection, asked: Asked, part: Text | Term) -> Sql:
        """Return that some span of the trace ``t`` is what *part* asks for."""
        asks = self._asks(part)
        if asks is None:
            return EVERYTHING
        rows = self._few(connection, asked, part) if asked.of_all or _unproven(part) else None
        return asks.trace_says if rows is None else _among("t.id", rows)

    def of_span(self, connection: Connection, asked: Asked, part: Text | Term) -> Sql:
        """Return that the span ``s`` is what *part* asks for."""
        asks = self._asks(part)
        if asks is None:
            return EVERYTHING
        return _among("s.id", self._proven(connection, asked, part, asks)) if _unproven(part) else asks.span_says

    def _few(self, connection: Connection, asked: Asked, part: Text | Term) -> list[int] | None:
        """Return the rows of the traces that *part* leaves, ``None`` where they are too many to be gathered."""
        asks = self._asks(part)
        if asks is None:
            return None
        known: dict[Any, list[int] | None] = connection.gathered  # type: ignore[attr-defined]  # a PostgresConnection's
        if part not in known:
            found = connection.execute(asks.few.text, asks.few.values).fetchall()
            known[part] = sorted({row for (row,) in found}) if len(found) <= _MOST_GATHERED else None
        if not _unproven(part):
            return known[part]
        return sorted({at >> PLACE_BITS for at in self._proven(connection, asked, part, asks)})

    def _asks(self, part: Text | Term) -> _Asks | None:
        """Return how *part* is asked, ``None`` where it has no words."""
        if isinstance(part, Term):
            return _attributes_with(blocks.numbers_of(attributes.match_of(part).split(" OR ")))
        if not self.full_text:
            raise _NO_TEXTS
        found = [word[:_MOST_LETTERS] for word in words_in(part.phrase)]
        if found and part.phrase.rstrip().endswith("*"):
            found[-1] += ":*"
        return _texts_with(" <-> ".join(found)) if found else None

    @staticmethod
    def _proven(connection: Connection, asked: Asked, part: Term, asks: _Asks) -> list[int]:
        """Return the addresses of the spans of the project that are what *part* asks for, by reading them."""
        known: dict[Any, list[int]] = connection.proven  # type: ignore[attr-defined]  # a PostgresConnection has it
        key = (asked, part)
        if key not in known:
            candidates = connection.execute(
                f"SELECT x.at FROM ({asks.spans.text}) x JOIN traces t ON t.id = x.at >> {PLACE_BITS} "
                "WHERE t.project_id = ? AND (? = 1 OR t.start_ns >= ? AND t.start_ns < ?) "
                f"ORDER BY x.at LIMIT {MOST_PROVED + 1}",
                (*asks.spans.values, asked.project_id, int(asked.of_spans), asked.from_ns, asked.to_ns),
            ).fetchall()
            at = [address for (address,) in candidates]
            if len(at) > MOST_PROVED:
                raise SpanwiseError(
                    f"More than {MOST_PROVED:,} spans have {part.field}, too many to compare with.",
                    "Ask for a shorter time, or for one value: these are found at once, however many there are.",
                )
            known[key] = [address for address, record in records_at(connection, at) if attributes.says(record, part)]
        return known[key]


def records_at(connection: Connection, addresses: Sequence[int]) -> Iterator[tuple[int, Record]]:
    """Yield the spans at *addresses*, which are in order, without their project."""
    for at in range(0, len(addresses), _PROVED_AT_ONCE):
        rows = connection.execute(
            f"SELECT s.*, t.trace_id AS of_trace FROM spans s JOIN traces t ON t.id = s.id >> {PLACE_BITS} "
            "WHERE s.id = ANY(CAST(? AS bigint[])) ORDER BY s.id",
            (list(addresses[at : at + _PROVED_AT_ONCE]),),
        ).fetchall()
        found = [(SpanRow._make(row[:-1]), bytes(row[-1])) for row in rows]
        records = Assembler(connection).records("", found)
        yield from ((row.id, record) for (row, _), record in zip(found, records, strict=True))


def fill(
    connection: PostgresConnection,
    index: GinIndex,
    written: Sequence[tuple[int, Record]],
    made: Collection[int] = frozenset(),
) -> None:
    """Put the words of spans into the index, in the place of those they had; *made* are the rows of new traces."""
    blocks.put(connection, written, made)
    if not index.full_text:
        return
    latest = dict(written)
    connection.driver.execute("DELETE FROM span_words WHERE id = ANY(%s::bigint[])", (list(latest),))
    sql = "COPY span_words (id, body) FROM STDIN"
    with connection.driver.cursor() as cursor, cursor.copy(sql) as copy:
        for at, record in sorted(latest.items(), key=lambda one: one[0]):
            copy.write_row((at, index.vector_of(record)))


def _among(column: str, numbers: list[int]) -> Sql:
    """Return that a column is among many numbers, looked up by hash even where the contrary is asked for."""
    return Sql(f"coalesce({column} = ANY(CAST(? AS bigint[])), FALSE)", (numbers,))


def _unproven(part: Text | Term) -> TypeGuard[Term]:
    return isinstance(part, Term) and attributes.needs_proof(part)
