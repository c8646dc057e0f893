"""Records made ready for the store: cut into columns and packed, which needs no lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..record import Record
from .address import id_bytes
from .codec import NONE
from .payload import MOST_BYTES, Packed, pack_all, pack_origin
from .rows import SpanRow, row_of


@dataclass(slots=True)  # a frozen one sets each field by a call
class Ready:
    """One record cut into columns."""

    record: Record
    row: SpanRow
    origin: tuple[bytes, bytes]


@dataclass(slots=True)  # a frozen one sets each field by a call
class Chunk:
    """Spans of one trace that came together, packed together."""

    project: str
    trace_id: bytes
    spans: tuple[Ready, ...]
    packed: Packed
    texts: Mapping[bytes, bytes]
    """Has the texts that are named, and maybe more, by their hash."""

    def __len__(self) -> int:
        """How many spans there are."""
        return len(self.spans)


def prepare(records: Iterable[Record], dictionary: int = NONE, most_bytes: int = MOST_BYTES) -> list[Chunk]:
    """Return *records* packed and cut into columns: the dear part of a write, for which no lock is needed."""
    origins: dict[tuple[int, int], tuple[bytes, bytes]] = {}
    texts: dict[bytes, bytes] = {}
    traces: dict[tuple[str, str], list[Ready]] = {}
    for record in records:
        span = record.span
        origin_key = id(span.resource), id(span.scope)
        origin = origins.get(origin_key)
        if origin is None:
            origin = origins[origin_key] = pack_origin(span.resource, span.scope)
        parent = span.parent_span_id
        row = row_of(
            record,
            id_bytes(span.span_id, "Span id"),
            None if not parent else id_bytes(parent, "Parent span id"),
        )
        traces.setdefault((record.project, span.trace_id), []).append(Ready(record, row, origin))
    chunks: list[Chunk] = []
    for (project, trace_id), found in traces.items():
        chunks += chunks_of(project, id_bytes(trace_id, "Trace id"), found, texts, dictionary, most_bytes)
    return chunks


def chunks_of(
    project: str,
    trace_id: bytes,
    spans: Sequence[Ready],
    texts: dict[bytes, bytes],
    dictionary: int,
    most_bytes: int = MOST_BYTES,
) -> list[Chunk]:
    """Return *spans* of one trace packed a few together; *texts* is given what they name."""
    chunks: list[Chunk] = []
    at = 0
    for packed in pack_all([ready.record.span for ready in spans], project, texts, dictionary, most_bytes):
        chunks.append(Chunk(project, trace_id, tuple(spans[at : at + packed.spans]), packed, texts))
        at += packed.spans
    return chunks
