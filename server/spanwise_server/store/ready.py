"""Records made ready for the store: cut into columns and packed, which needs no lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..record import Record
from .address import id_bytes
from .payload import PLAIN, Packed, Packing, pack_all, pack_origin
from .rows import SpanRow, row_of, shows_both


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


def prepare(records: Iterable[Record], how: Packing = PLAIN, *, hide: bool = False) -> list[Chunk]:
    """Return *records* packed and cut into columns: the dear part of a write, for which no lock is needed.

    Where *hide* is set, spans have no previews of which the root in the same batch has both: see ``rows.py``.
    """
    origins: dict[tuple[int, int], tuple[bytes, bytes]] = {}
    texts: dict[bytes, bytes] = {}
    traces: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        traces.setdefault((record.project, record.span.trace_id), []).append(record)
    chunks: list[Chunk] = []
    for (project, trace_id), found in traces.items():
        ready = [Ready(*one) for one in zip(found, _rows(found, hide=hide), _origins(found, origins), strict=True)]
        chunks += chunks_of(project, id_bytes(trace_id, "Trace id"), ready, texts, how)
    return chunks


def _rows(records: Sequence[Record], *, hide: bool) -> list[SpanRow]:
    """Return the rows of spans of one trace."""
    roots = {
        at: row_of(record, id_bytes(record.span.span_id, "Span id"), None)
        for at, record in enumerate(records)
        if not record.span.parent_span_id
    }
    hide = hide and any(map(shows_both, roots.values()))
    rows: list[SpanRow] = []
    for at, record in enumerate(records):
        span = record.span
        if not span.parent_span_id:
            rows.append(roots[at])
            continue
        parent_id = id_bytes(span.parent_span_id, "Parent span id")
        rows.append(row_of(record, id_bytes(span.span_id, "Span id"), parent_id, hide=hide))
    return rows


def _origins(records: Sequence[Record], known: dict[tuple[int, int], tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return where spans came from, packed; *known* is given each once."""
    found: list[tuple[bytes, bytes]] = []
    for record in records:
        span = record.span
        key = id(span.resource), id(span.scope)
        origin = known.get(key)
        if origin is None:
            origin = known[key] = pack_origin(span.resource, span.scope)
        found.append(origin)
    return found


def chunks_of(
    project: str,
    trace_id: bytes,
    spans: Sequence[Ready],
    texts: dict[bytes, bytes],
    how: Packing,
) -> list[Chunk]:
    """Return *spans* of one trace packed a few together; *texts* is given what they name."""
    chunks: list[Chunk] = []
    at = 0
    for packed in pack_all([ready.record.span for ready in spans], project, texts, how):
        chunks.append(Chunk(project, trace_id, tuple(spans[at : at + packed.spans]), packed, texts))
        at += packed.spans
    return chunks
