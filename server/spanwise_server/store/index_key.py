"""The key of a span in the text index: as small as can be, since the index keeps the step from one key to the next.

A word's entry is the distance to the entry before it. Addresses leave room for millions of spans in a trace, which
makes the step to the next trace four bytes; the first spans of a trace have keys that make it one or two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from .address import MOST_PLACES, PLACE_BITS

_BITS: Final = 5
#: Spans of a trace that have small keys; those behind them have their address, beyond all small keys.
SMALL_PLACES: Final = 1 << _BITS
_BEYOND: Final = 1 << 62
#: No trace has a row beyond: its spans would have keys beyond all numbers.
MOST_ROWS: Final = (1 << 38) - 1
#: Rows with at most so many others between them are asked for together.
_NEAR: Final = 50
#: What the key of an index's row says, as SQL: the row of its trace, and its address.
TRACE_ROW: Final = (
    f"(CASE WHEN texts.rowid < {_BEYOND} THEN texts.rowid >> {_BITS} "
    f"ELSE (texts.rowid - {_BEYOND}) >> {PLACE_BITS} END)"
)
ADDRESS: Final = (
    f"(CASE WHEN texts.rowid < {_BEYOND} THEN (texts.rowid >> {_BITS}) << {PLACE_BITS} | "
    f"(texts.rowid & {SMALL_PLACES - 1}) ELSE texts.rowid - {_BEYOND} END)"
)
#: That a row of the index is the span ``s``.
IS_SPAN: Final = (
    f"texts.rowid = (CASE WHEN s.id & {MOST_PLACES - 1} < {SMALL_PLACES} "
    f"THEN (s.id >> {PLACE_BITS}) << {_BITS} | (s.id & {SMALL_PLACES - 1}) ELSE s.id + {_BEYOND} END)"
)
#: That it is one of the trace ``t``: among the small keys, and among the others.
IN_TRACE: Final = f"texts.rowid BETWEEN t.id << {_BITS} AND (t.id << {_BITS}) + {SMALL_PLACES - 1}"
FAR_IN_TRACE: Final = (
    f"texts.rowid BETWEEN (t.id << {PLACE_BITS}) + {_BEYOND} AND (t.id << {PLACE_BITS}) + {_BEYOND + MOST_PLACES - 1}"
)


def index_key(address: int) -> int:
    """Return the key in the index of the span at *address*."""
    place = address & (MOST_PLACES - 1)
    return (address >> PLACE_BITS) << _BITS | place if place < SMALL_PLACES else _BEYOND + address


def keys_of(first: int, last: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the two ranges of keys that the spans of traces have, each with what gives a trace's row of one, as SQL."""
    yield f"texts.rowid >> {_BITS}", (first << _BITS, (last << _BITS) + SMALL_PLACES - 1)
    beyond = (first << PLACE_BITS) + _BEYOND, (last << PLACE_BITS) + _BEYOND + MOST_PLACES - 1
    yield f"(texts.rowid - {_BEYOND}) >> {PLACE_BITS}", beyond


def runs_of(rows: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and the last of the rows, given in order, of each group between which little else lies."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row - runs[-1][1] <= _NEAR:
            runs[-1] = runs[-1][0], row
        else:
            runs.append((row, row))
    return runs
