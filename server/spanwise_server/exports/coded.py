"""Critiques with their codes as a file: one row a critique, as CSV for spreadsheets or as JSON lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from ..labelling.codes import Critique, named
from ..labelling.codes_desk import Analysis
from .contract import rfc3339
from .flat_csv import BYTE_ORDER_MARK, cell

COLUMNS: Final = (
    "id", "critique", "codes", "names_no_failure", "verdict", "label", "annotator", "written_at", "updated_at",
    "coded_by", "coded_at", "trace_id", "span_id", "session_id", "queue_id",
)  # fmt: skip


def coded_row(analysis: Analysis, critique: Critique) -> dict[str, Any]:
    """Return one critique with the names of its codes, as plain JSON."""
    names = {code.id: code for code in analysis.codes}
    latest = max(critique.marks, key=lambda mark: mark.at_ns, default=None)
    target = critique.target
    return {
        "id": critique.id,
        "critique": critique.text,
        "codes": named(names, critique),
        "names_no_failure": critique.aside,
        "verdict": critique.label,
        "label": critique.name,
        "annotator": critique.annotator,
        "written_at": rfc3339(critique.created_ns),
        "updated_at": rfc3339(critique.updated_ns),
        "coded_by": None if latest is None else latest.by,
        "coded_at": None if latest is None else rfc3339(latest.at_ns),
        "trace_id": target.trace_id,
        "span_id": target.span_id or None,
        "session_id": target.session_id or None,
        "queue_id": critique.queue_id,
    }


def coded_jsonl(analysis: Analysis) -> Iterator[bytes]:
    """Yield one line of JSON a critique, the oldest first."""
    for critique in analysis.critiques:
        yield orjson.dumps(coded_row(analysis, critique), option=orjson.OPT_APPEND_NEWLINE)


def coded_csv(analysis: Analysis) -> Iterator[bytes]:
    """Yield the header, then one row a critique; several codes stand in one cell with a semicolon between them."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS)
    buffer.write(BYTE_ORDER_MARK)
    writer.writeheader()
    for line in _cells(coded_row(analysis, critique) for critique in analysis.critiques):
        writer.writerow(line)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def _cells(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for row in rows:
        yield {name: cell(_text(row[name])) for name in COLUMNS}


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "yes" if value is True else "; ".join(value) if isinstance(value, list) else str(value)


#: Name of a form -> its media type, the ending of its files, and what writes it.
FORMS: Final[Mapping[str, tuple[str, str, Callable[[Analysis], Iterator[bytes]]]]] = {
    "csv": ("text/csv; charset=utf-8", "csv", coded_csv),
    "jsonl": ("application/x-ndjson", "jsonl", coded_jsonl),
}
