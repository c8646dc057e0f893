"""Records made ready for the store: cut into columns and packed, which needs no lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..record import Record
from .address import id_bytes
from .payload import Packed, pack, pack_origin
from .rows import SpanRow, row_of

#: Spans packed together; to show one of them all are unpacked.
MOST_IN_CHUNK: Final = 32


@dataclass(frozen=True, slots=True)
class Ready:
    """One record cut into columns."""

    record: Record
    row: SpanRow
    origin: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
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


def prepare(records: Iterable[Record]) -> list[Chunk]:
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
        of_trace = id_bytes(trace_id, "Trace id")
        chunks.extend(
            chunk_of(project, of_trace, found[at : at + MOST_IN_CHUNK], texts)
            for at in range(0, len(found), MOST_IN_CHUNK)
        )
    return chunks


def chunk_of(project: str, trace_id: bytes, spans: Sequence[Ready], texts: dict[bytes, bytes]) -> Chunk:
    """Return *spans* of one trace packed together; *texts* is given what they name."""
    return Chunk(project, trace_id, tuple(spans), pack([ready.record.span for ready in spans], project, texts), texts)
