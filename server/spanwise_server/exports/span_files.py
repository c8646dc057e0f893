"""Spans as files, each for itself whatever its trace: the formats that traces have too, written as they are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from ..record import Annotation, Record
from ..store.base import SpanStore
from . import trace_parquet
from .contract import span_record
from .file_format import FileFormat, format_of, writable
from .flat_csv import BYTE_ORDER_MARK
from .trace_download import Run
from .trace_files import csv_row, json_line, labels_in_words, otlp_line

#: So many spans are asked for their judgements at once, and sent in one line of OTLP.
_AT_ONCE: Final = 100
COLUMNS: Final = (
    "trace_id", "span_id", "parent_span_id", "name", "kind", "start_time", "end_time", "duration_ms", "status",
    "error_type", "provider", "model", "prompt", "input_tokens", "output_tokens", "total_tokens", "cost_usd", "ttft_ms",
    "session_id", "user_id", "environment", "input", "output", "labels",
)  # fmt: skip

Judged = tuple[Record, Sequence[Annotation]]
"""A span and what was judged of it."""


SpanExport = FileFormat[Judged]
"""One file format of spans."""


def _jsonl(spans: Iterable[Judged]) -> Iterator[bytes]:
    for record, judged in spans:
        yield json_line(span_record(record, judged))


def _csv(spans: Iterable[Judged]) -> Iterator[bytes]:
    yield BYTE_ORDER_MARK.encode() + csv_row(COLUMNS)
    for record, judged in spans:
        said = span_record(record)
        prompt = record.reading.prompt
        said |= said["usage"] or {}
        said["cost_usd"] = None if said["cost"] is None else said["cost"]["total_usd"]
        said["prompt"] = (
            None if prompt is None else f"{prompt.name}@{prompt.version}" if prompt.version else prompt.name
        )
        said["labels"] = labels_in_words(judged)
        yield csv_row(said.get(column) for column in COLUMNS)


def _otlp(spans: Iterable[Judged]) -> Iterator[bytes]:
    left = iter(spans)
    while some := list(islice(left, _AT_ONCE)):
        yield otlp_line(record for record, _ in some)


def _parquet(spans: Iterable[Judged]) -> Iterator[bytes]:
    return trace_parquet.write_rows(
        trace_parquet.span_row(span_record(record, judged), record, record.reading.trace_name)
        for record, judged in spans
    )


#: Every format of spans by name, in the order of the menu.
SPAN_EXPORTS: Final[Mapping[str, SpanExport]] = {
    each.name: each
    for each in (
        FileFormat("jsonl", "JSONL", "a line a span, as the API gives it", "application/x-ndjson", "jsonl", _jsonl),
        FileFormat("csv", "CSV", "a row a span, for spreadsheets", "text/csv; charset=utf-8", "csv", _csv),
        FileFormat(
            "otlp", "OTLP", "spans as they were sent, to post elsewhere", "application/x-ndjson", "otlp.jsonl", _otlp
        ),
        FileFormat(
            "parquet", "Parquet", "a row a span, for notebooks and warehouses", "application/vnd.apache.parquet",
            "parquet", _parquet, can_write=trace_parquet.can_write,
        ),
    )
}  # fmt: skip


def span_export(name: str) -> SpanExport:
    """Return one format; a name nobody has is refused with the names there are."""
    return format_of(SPAN_EXPORTS, name, "spans")


def offered() -> tuple[SpanExport, ...]:
    """Return the formats that can be written here, in the order of the menu."""
    return writable(SPAN_EXPORTS)


def span_file(store: SpanStore, spans: Iterator[Record], export: SpanExport, run: Run) -> Iterator[bytes]:
    """Return the file of whole *spans* of the run's project, in their order, and count them in *run*."""
    return run.told(export.write(_judged(store, spans, run)))


def _judged(store: SpanStore, spans: Iterator[Record], run: Run) -> Iterator[Judged]:
    while some := list(islice(spans, _AT_ONCE)):
        judged = store.annotations(run.project, list({record.span.trace_id for record in some}))
        for record in some:
            span = record.span
            yield record, [a for a in judged.get(span.trace_id, ()) if a.span_id == span.span_id]
            run.done += 1
