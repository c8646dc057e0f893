"""Previews of spans that are not kept, since their trace showed those of its root, found again in what was sent."""

from __future__ import annotations

from collections.abc import Mapping

from ..dialects.preview import preview
from .assemble import Assembler
from .connection import Connection
from .rows import PREVIEW_CHARS, SpanRow, is_hidden


def with_previews(connection: Connection, trace_id: bytes, rows: Mapping[bytes, SpanRow]) -> dict[bytes, SpanRow]:
    """Return the rows of a trace, those that are in the store among them with their previews."""
    found = dict(rows)
    lacking = [row for row in rows.values() if is_hidden(row)]
    for row, record in zip(
        lacking, Assembler(connection).records("", [(row, trace_id) for row in lacking]), strict=True
    ):
        asked, answered = preview(record.reading)
        found[row.span_id] = row._replace(input_preview=_cut(asked), output_preview=_cut(answered))
    return found


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:PREVIEW_CHARS]
