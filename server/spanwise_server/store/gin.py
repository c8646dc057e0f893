"""Phrases and attributes asked of PostgreSQL: a GIN index over the words of each span.

A phrase is found by where its words stand, up to the last place that PostgreSQL counts, which is the 16,383rd. What
words cannot prove of attributes (comparisons, patterns) is read of the spans that have the key. Attributes are always
indexed; texts are where the store was told to, since they make it larger and writing dearer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from ..errors import SpanwiseError
from ..query.filters import Term, Text
from ..record import Record
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


class GinIndex:
    """How a PostgreSQL store finds words."""

    def __init__(self, *, full_text: bool) -> None:
        self.full_text = full_text

    def vector_of(self, record: Record) -> str:
        """Return the words of a span as PostgreSQL reads a tsvector."""
        if not self.full_text:
            return attributes.attribute_words(record)
        places: dict[str, list[int]] = {}
        place = 0
        for part in searchable(record).split(BETWEEN):
            for word in words_in(part):
                place += 1
                of_word = places.setdefault(word[:_MOST_LETTERS], [])
                if place <= _LAST_PLACE and len(of_word) < _MOST_PLACES_OF_WORD:
                    of_word.append(place)
            place += 1  # no phrase reaches over it
        texts = (f"{word}:{','.join(map(str, at))}" if at else word for word, at in places.items())
        return f"{' '.join(texts)} {attributes.attribute_words(record)}"

    def few_traces(self, connection: Connection, asked: Asked, part: Text | Term) -> tuple[int, Sql] | None:
        """Return how many traces *part* leaves and a query for their rows, named ``row``; ``None`` where many."""
        query = self._query(part)
        if query is None:
            return None
        count = self._spans_with(connection, query)
        if count > MOST_DRIVEN:
            return None
        found = f"SELECT DISTINCT w.id >> {PLACE_BITS} AS row FROM span_words w WHERE {_SAYS}"
        if not _unproven(part):
            return count, Sql(found, (query,))
        rows = sorted({at >> PLACE_BITS for at in self._proven(connection, asked, part, query)})
        return len(rows), Sql("SELECT unnest(CAST(? AS bigint[])) AS row", (rows,))

    def of_trace(self, connection: Connection, asked: Asked, part: Text | Term) -> Sql:
        """Return that some span of the trace ``t`` is what *part* asks for."""
        query = self._query(part)
        if query is None:
            return EVERYTHING
        if _unproven(part):
            rows = sorted({at >> PLACE_BITS for at in self._proven(connection, asked, part, query)})
            return Sql("t.id = ANY(CAST(? AS bigint[]))", (rows,))
        if asked.of_all and self._spans_with(connection, query) <= _MOST_GATHERED:
            return Sql(f"t.id IN (SELECT w.id >> {PLACE_BITS} FROM span_words w WHERE {_SAYS})", (query,))
        return Sql(f"EXISTS (SELECT 1 FROM span_words w WHERE {_INSIDE_TRACE} AND {_SAYS} {_ONE_BY_ONE})", (query,))

    def of_span(self, connection: Connection, asked: Asked, part: Text | Term) -> Sql:
        """Return that the span ``s`` is what *part* asks for."""
        query = self._query(part)
        if query is None:
            return EVERYTHING
        if _unproven(part):
            return Sql("s.id = ANY(CAST(? AS bigint[]))", (self._proven(connection, asked, part, query),))
        return Sql(f"EXISTS (SELECT 1 FROM span_words w WHERE w.id = s.id AND {_SAYS} {_ONE_BY_ONE})", (query,))

    @staticmethod
    def _spans_with(connection: Connection, query: str) -> int:
        """Return how many spans have the words, counted up to a bound."""
        known: dict[str, int] = connection.counted  # type: ignore[attr-defined]  # a PostgresConnection has it
        if query not in known:
            few = f"SELECT count(*) FROM (SELECT 1 FROM span_words w WHERE {_SAYS} LIMIT {_MOST_GATHERED + 1}) AS few"
            known[query] = connection.execute(few, (query,)).fetchone()[0]
        return known[query]

    def _query(self, part: Text | Term) -> str | None:
        """Return *part* as a tsquery, ``None`` where it has no words."""
        if isinstance(part, Term):
            words: Iterable[str] = attributes.match_of(part).split(" OR ")
            return " | ".join(words)
        if not self.full_text:
            raise _NO_TEXTS
        found = [word[:_MOST_LETTERS] for word in words_in(part.phrase)]
        if found and part.phrase.rstrip().endswith("*"):
            found[-1] += ":*"
        return " <-> ".join(found) or None

    @staticmethod
    def _proven(connection: Connection, asked: Asked, part: Term, query: str) -> list[int]:
        """Return the addresses of the spans of the project that are what *part* asks for, by reading them."""
        known: dict[Any, list[int]] = connection.proven  # type: ignore[attr-defined]  # a PostgresConnection has it
        key = (asked, part)
        if key not in known:
            candidates = connection.execute(
                f"SELECT w.id FROM span_words w JOIN traces t ON t.id = w.id >> {PLACE_BITS} WHERE t.project_id = ? "
                f"AND (? = 1 OR t.start_ns >= ? AND t.start_ns < ?) AND {_SAYS} ORDER BY w.id LIMIT {MOST_PROVED + 1}",
                (asked.project_id, int(asked.of_spans), asked.from_ns, asked.to_ns, query),
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


def fill(connection: PostgresConnection, index: GinIndex, written: Sequence[tuple[int, Record]]) -> None:
    """Put the words of spans into the index, in the place of those they had."""
    latest = dict(written)
    connection.driver.execute("DELETE FROM span_words WHERE id = ANY(%s::bigint[])", (list(latest),))
    sql = "COPY span_words (id, body) FROM STDIN"
    with connection.driver.cursor() as cursor, cursor.copy(sql) as copy:
        for at, record in sorted(latest.items(), key=lambda one: one[0]):
            copy.write_row((at, index.vector_of(record)))


def _unproven(part: Text | Term) -> TypeGuard[Term]:
    return isinstance(part, Term) and attributes.needs_proof(part)
