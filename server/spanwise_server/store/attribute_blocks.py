"""Words of attributes in PostgreSQL: one row for a block of sixteen spans of a trace, and which of them say which word.

Most of what a span says the others of its trace say too, so a row of words for each span takes six times the room. A
word is a number here (``attribute_words.py`` hashes keys and values), beside it a bit for each span of the block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ..record import Record
from .address import MOST_PLACES, PLACE_BITS, trace_row_of
from .attribute_words import attribute_words
from .conditions import Sql

if TYPE_CHECKING:
    from .postgres_connection import PostgresConnection

#: Spans of a block: as many as the bits of PostgreSQL's smallest integer.
BLOCK: Final = 16
_LAST: Final = BLOCK - 1
_SIGN: Final = 1 << _LAST
_INSIDE_TRACE: Final = f"b.id BETWEEN t.id << {PLACE_BITS} AND (t.id << {PLACE_BITS}) + {MOST_PLACES - 1}"
_HAS: Final = "b.words && CAST(? AS bigint[])"
#: Keeps PostgreSQL from asking the index for all there are, where it should look at those of one trace.
_ONE_BY_ONE: Final = "OFFSET 0"
#: How many spans were not taken in.
NOT_TAKEN_IN: Final = (
    f"SELECT count(*) FROM spans s LEFT JOIN attribute_blocks b ON b.id = s.id - (s.id & {_LAST}) "
    f"WHERE b.id IS NULL OR b.taken_in & (1 << CAST(s.id & {_LAST} AS integer)) = 0"
)
Block = dict[int, int]
"""The spans, as bits, that say each word."""


def numbers_of(words: Iterable[str]) -> list[int]:
    """Return hashed words as the numbers that stand for them."""
    return list(map(_number, words))


@lru_cache(maxsize=50_000)
def _number(word: str) -> int:
    return int.from_bytes(bytes.fromhex(word[1:]), "big", signed=True)


def blocks_with(words: Sequence[int], most: int) -> Sql:
    """Return a query for the rows of the traces of blocks in which any of *words* is said, up to a bound."""
    return Sql(f"SELECT b.id >> {PLACE_BITS} FROM attribute_blocks b WHERE {_HAS} LIMIT {most}", (list(words),))


def traces_saying(words: Sequence[int], rows: Sequence[int] | None) -> Sql:
    """Return a query for the rows of the traces in which any of *words* is said, of all or of those with *rows*."""
    source = _blocks_of(rows)
    return Sql(f"SELECT DISTINCT b.id >> {PLACE_BITS} FROM {source.text} WHERE {_HAS}", (*source.values, list(words)))


def traces_all_saying(words: Sequence[int], rows: Sequence[int] | None) -> Sql:
    """Return a query for the rows of the traces of which every span says any of *words*."""
    source, bits = _blocks_of(rows), _bits_of(words)
    count = f"bit_count(CAST(CAST({bits.text} AS integer) AS bit({BLOCK})))"
    return Sql(
        f"SELECT t.id FROM (SELECT b.id >> {PLACE_BITS} AS row, sum({count}) AS spans FROM {source.text} WHERE {_HAS} "
        "GROUP BY 1) AS b JOIN traces t ON t.id = b.row WHERE b.spans >= t.span_count",
        (*bits.values, *source.values, list(words)),
    )


def _blocks_of(rows: Sequence[int] | None) -> Sql:
    """Return where to read blocks, named ``b``: all of them, or those of the traces with *rows*."""
    if rows is None:
        return Sql("attribute_blocks b")
    return Sql(
        f"unnest(CAST(? AS bigint[])) AS t (id), LATERAL (SELECT * FROM attribute_blocks b WHERE {_INSIDE_TRACE} "
        f"{_ONE_BY_ONE}) AS b",
        (list(rows),),
    )


def spans_with(words: Sequence[int]) -> Sql:
    """Return a query for the addresses of spans, named ``at``, that say any of *words*."""
    bits = _bits_of(words)
    return Sql(
        f"SELECT b.id + place AS at FROM (SELECT b.id, {bits.text} AS bits FROM attribute_blocks b WHERE {_HAS} "
        f"{_ONE_BY_ONE}) AS b, generate_series(0, {_LAST}) AS place WHERE b.bits & (1 << place) <> 0",
        (*bits.values, list(words)),
    )


def trace_says(words: Sequence[int]) -> Sql:
    """Return that some span of the trace ``t`` says any of *words*, asked of each trace."""
    return Sql(
        f"EXISTS (SELECT 1 FROM attribute_blocks b WHERE {_INSIDE_TRACE} AND {_HAS} {_ONE_BY_ONE})", (list(words),)
    )


def span_says(words: Sequence[int]) -> Sql:
    """Return that the span ``s`` says any of *words*, asked of each span."""
    bits = _bits_of(words)
    return Sql(
        f"EXISTS (SELECT 1 FROM attribute_blocks b WHERE b.id = s.id - (s.id & {_LAST}) "
        f"AND ({bits.text}) & (1 << CAST(s.id & {_LAST} AS integer)) <> 0 {_ONE_BY_ONE})",
        bits.values,
    )


def _bits_of(words: Sequence[int]) -> Sql:
    """Return which spans of the block ``b`` say any of *words*, as bits."""
    says = "coalesce(b.spans[array_position(b.words, CAST(? AS bigint))], 0)"
    return Sql(" | ".join([says] * len(words)) or "0", tuple(words))


def put(connection: PostgresConnection, written: Sequence[tuple[int, Record]], made: Collection[int]) -> None:
    """Take in the words of spans, in the place of those they had; *made* are the rows of traces that are new."""
    latest = dict(written)
    blocks: dict[int, Block] = {}
    taken_in: dict[int, int] = {}
    old = sorted({at - (at & _LAST) for at in latest if trace_row_of(at) not in made})
    if old:
        for at, words, spans, bits in connection.driver.execute(
            "DELETE FROM attribute_blocks WHERE id = ANY(%s::bigint[]) RETURNING id, words, spans, taken_in", (old,)
        ):
            blocks[at] = {word: mask & 0xFFFF for word, mask in zip(words, spans, strict=True)}
            taken_in[at] = bits & 0xFFFF
    _take_out(blocks, latest, taken_in)
    for at, record in latest.items():
        first, bit = at - (at & _LAST), 1 << (at & _LAST)
        taken_in[first] = taken_in.get(first, 0) | bit
        block = blocks.setdefault(first, {})
        for word in numbers_of(attribute_words(record).split()):
            block[word] = block.get(word, 0) | bit
    sql = "COPY attribute_blocks (id, words, spans, taken_in) FROM STDIN (FORMAT BINARY)"
    with connection.driver.cursor() as cursor, cursor.copy(sql) as copy:
        copy.set_types(["int8", "int8[]", "int2[]", "int2"])
        for at, block in sorted(blocks.items()):
            copy.write_row((at, list(block), list(map(_signed, block.values())), _signed(taken_in[at])))


def _take_out(blocks: Mapping[int, Block], latest: Iterable[int], taken_in: Mapping[int, int]) -> None:
    """Take the words out of *blocks* that spans had before."""
    gone: dict[int, int] = {}
    for at in latest:
        first, bit = at - (at & _LAST), 1 << (at & _LAST)
        if taken_in.get(first, 0) & bit:
            gone[first] = gone.get(first, 0) | bit
    for first, bits in gone.items():
        block = blocks[first]
        for word in list(block):
            block[word] &= ~bits
            if not block[word]:
                del block[word]


def _signed(mask: int) -> int:
    return mask - (_SIGN << 1) if mask & _SIGN else mask
