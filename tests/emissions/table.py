"""The whole corpus in a table: dialect x field."""

from __future__ import annotations

from collections import Counter
from typing import Final

from spanwise_server.record import Record
from spanwise_server.store.calls import calls_of
from spanwise_server.store.rows import row_of

from . import corpus
from .emitter import all_emitters
from .judge import FIELDS, OURS, Verdict, judged

#: How a cell is written: all said and right, said in part or in some cases, never said, read wrong, not asked here,
#: said wrong by the emitter.
RIGHT, PARTLY, NEVER, WRONG, NO_CASE, THEIRS = "✓", "◐", "-", "✗", "", "!"


def model_calls(records: list[Record]) -> list[Record]:
    """Return the records that stand for a call, as the sums of a trace are made of them."""
    counted: set[str] = set()
    for trace_id in {record.span.trace_id for record in records}:
        rows = [row_of(record, *ids_of(record)) for record in records if record.span.trace_id == trace_id]
        counted |= {row.span_id.hex() for row in calls_of(rows, {row.span_id: row for row in rows})}
    return [record for record in records if record.span.span_id in counted]


def ids_of(record: Record) -> tuple[bytes, bytes | None]:
    """Return the ids of a span and its parent as they are kept."""
    parent = record.span.parent_span_id
    return bytes.fromhex(record.span.span_id), bytes.fromhex(parent) if parent else None


def verdicts(name: str) -> list[tuple[Record, dict[str, Verdict]]]:
    """Return each call's record and the verdicts on it; calls are matched in the order in which they were made."""
    calls = corpus.expected(name)["calls"]
    records = model_calls(corpus.records(name))
    found = [(record.kind, record.name) for record in records]
    assert len(records) == len(calls), f"{len(calls)} calls were made, {len(records)} were read: {found}"
    mistakes = all_emitters()[name].mistakes
    return [(record, judged(record, call, mistakes)) for record, call in zip(records, calls, strict=True)]


def row(name: str) -> dict[str, str]:
    """Return the cells of one emitter."""
    counted: dict[str, Counter[Verdict]] = {field: Counter() for field in FIELDS}
    for _, found in verdicts(name):
        for field, verdict in found.items():
            counted[field][verdict] += 1
    return {field: cell(counts) for field, counts in counted.items()}


def cell(counts: Counter[Verdict]) -> str:
    """Return the sign for what was found in one field."""
    if not counts:
        return NO_CASE
    if any(counts[verdict] for verdict in OURS):
        return WRONG
    if counts["theirs"]:
        return THEIRS
    if counts["right"] == counts.total():
        return RIGHT
    return PARTLY if counts["right"] or counts["partly"] else NEVER


HEADS: Final = {
    "request_model": "model asked", "response_id": "response id", "input_messages": "input", "output_messages":
    "output", "input": "embedded", "tool_definitions": "tools", "input_tokens": "tokens in", "output_tokens":
    "tokens out", "cache_read": "cache read", "cache_write": "cache write", "finish_reasons": "finish", "max_tokens":
    "max tokens", "ttft_ms": "first chunk",
}  # fmt: skip


def mistakes() -> str:
    """Return what emitters say wrong themselves, a line for each way and emitter, as the documentation shows it."""
    lines = []
    for name in corpus.names():
        fields: dict[str, list[str]] = {}
        for field, why in all_emitters()[name].mistakes.items():
            api, _, bare = field.rpartition(".")
            said = HEADS.get(bare, bare)
            fields.setdefault(why, []).append(f"{said} ({api})" if api else said)
        lines += [f"- `{name}`, {', '.join(said)}: {why}." for why, said in fields.items()]
    return "\n".join(lines) + "\n"


def markdown() -> str:
    """Return the table as the documentation shows it."""
    lines = [
        f"| emitter | {' | '.join(HEADS.get(field, field) for field in FIELDS)} |",
        f"|---|{'---|' * len(FIELDS)}",
    ]
    for name in corpus.names():
        cells = row(name)
        lines.append(f"| {name} | {' | '.join(cells[field] for field in FIELDS)} |")
    return "\n".join(lines) + "\n"
