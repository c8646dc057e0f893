"""Where a span lies: one integer that names its trace's row and its place in the trace.

Spans and payloads use it as their key, so a trace is one contiguous range of both; for the text index see
``index_key.py``.
"""

from __future__ import annotations

from typing import Final

from ..errors import SpanwiseError

PLACE_BITS: Final = 24
MOST_PLACES: Final = 1 << PLACE_BITS
#: Traces that come one after another are a part of the store, 4,096 of them: ``id >> 36`` in the SQL of spans.
_TRACE_BITS: Final = 12


def address(trace_row: int, place: int) -> int:
    """Return the key of the span at *place* in the trace with row *trace_row*."""
    if place >= MOST_PLACES:
        raise SpanwiseError(
            f"A trace holds at most {MOST_PLACES:,} spans, and this one is full.",
            "Start a new trace for each request or task.",
        )
    return trace_row << PLACE_BITS | place


def trace_row_of(span_address: int) -> int:
    """Return the row of the trace that the span lies in."""
    return span_address >> PLACE_BITS


def part_of(trace_row: int) -> int:
    """Return the part of the store that a trace lies in, by which its spans are found by their ids."""
    return trace_row >> _TRACE_BITS


def span_range(trace_row: int) -> tuple[int, int]:
    """Return the first and the last key that a span of this trace can have."""
    first = trace_row << PLACE_BITS
    return first, first | (MOST_PLACES - 1)


def id_bytes(text: str, what: str) -> bytes:
    """Return an id's bytes from its hex digits."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise SpanwiseError(f"{what} {text!r} is not hexadecimal.", "Ids are written in hex digits.") from None
