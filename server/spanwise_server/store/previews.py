"""Previews of spans that are not kept, since their trace showed those of its root, found again in what was sent."""

from __future__ import annotations

from collections.abc import Mapping

from .assemble import Assembler
from .connection import Connection
from .rows import SpanRow, is_hidden, shown


def with_previews(connection: Connection, trace_id: bytes, rows: Mapping[bytes, SpanRow]) -> dict[bytes, SpanRow]:
    """Return the rows of a trace, those that are in the store among them with their previews."""
    found = dict(rows)
    lacking = [row for row in rows.values() if is_hidden(row)]
    for row, record in zip(
        lacking, Assembler(connection).records("", [(row, trace_id) for row in lacking]), strict=True
    ):
        found[row.span_id] = shown(row, record.reading)
    return found
