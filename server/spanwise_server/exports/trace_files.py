"""Traces as files: one format each, written a trace at a time, so that any number of them streams."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import orjson

from ..odd_numbers import word_of
from ..record import Annotation, Record, Span
from . import trace_parquet
from .contract import Object, trace_summary
from .file_format import FileFormat, format_of, writable
from .flat_csv import BYTE_ORDER_MARK, cell
from .whole_trace import WholeTrace

#: Columns of the CSV that hold several values, and what stands between them.
_BETWEEN: Final = ", "
COLUMNS: Final = (
    "trace_id", "name", "start_time", "end_time", "duration_ms", "status", "span_count", "error_count", "llm_count",
    "models", "input_tokens", "output_tokens", "total_tokens", "cost_usd", "unpriced_count", "ttft_ms", "session_id",
    "user_id", "tags", "environment", "prompts", "input_preview", "output_preview", "labels",
)  # fmt: skip
_STATUS_CODES: Final = {"unset": 0, "ok": 1, "error": 2}


TraceExport = FileFormat[WholeTrace]
"""One file format of traces."""


def _jsonl(trace: WholeTrace) -> bytes:
    summary = trace_summary(trace.summary, trace.annotations)
    return json_line({"trace": summary, "spans": list(trace.span_records())})


def _csv(trace: WholeTrace) -> bytes:
    said = trace_summary(trace.summary)
    said.update(said.pop("usage") or {})
    said["labels"] = labels_in_words(trace.annotations)
    return csv_row(said.get(column) for column in COLUMNS)


def _otlp(trace: WholeTrace) -> bytes:
    return otlp_line(trace.records)


def otlp_line(records: Iterable[Record]) -> bytes:
    """Return one ``ExportTraceServiceRequest``, as OpenTelemetry's file exporters write it, a line each."""
    resources: list[Object] = []
    for resource, spans in groupby([record.span for record in records], lambda span: span.resource):
        scopes: list[Object] = []
        for scope, of_scope in groupby(spans, lambda span: span.scope):
            about = {"name": scope.name, "version": scope.version, "attributes": _pairs(scope.attributes)}
            scopes.append({"scope": about, "spans": [_otlp_span(span) for span in of_scope]})
        resources.append({"resource": {"attributes": _pairs(resource)}, "scopeSpans": scopes})
    return json_line({"resourceSpans": resources})


def _otlp_span(span: Span) -> Object:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **({} if span.parent_span_id is None else {"parentSpanId": span.parent_span_id}),
        "traceState": span.trace_state,
        "name": span.name,
        "kind": span.otel_kind,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _pairs(span.attributes),
        "events": [
            {"timeUnixNano": str(e.time_ns), "name": e.name, "attributes": _pairs(e.attributes)} for e in span.events
        ],
        "links": [{"traceId": k.trace_id, "spanId": k.span_id, "attributes": _pairs(k.attributes)} for k in span.links],
        "status": {"code": _STATUS_CODES[span.status], "message": span.status_message or ""},
    }


def _pairs(attributes: Mapping[str, Any]) -> list[Object]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Any) -> Object:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": word_of(value) or value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _pairs(value)}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_any_value(item) for item in value]}}
    return {} if value is None else {"stringValue": str(value)}


def _flat(value: Any) -> str:
    if value is None:
        return ""
    return _BETWEEN.join(map(str, value)) if isinstance(value, list) else str(value)


def labels_in_words(annotations: Iterable[Annotation]) -> list[str]:
    """Return judgements as a cell of a table shows them."""
    return [f"{a.name}: {a.label if a.label is not None else a.score}" for a in annotations]


def csv_row(values: Iterable[Any]) -> bytes:
    """Return a row of a CSV in which nothing is a formula; lists are told with commas between, nothing as nothing."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([cell(_flat(value)) for value in values])
    return buffer.getvalue().encode()


def json_line(value: Object) -> bytes:
    """Return a value as one line of JSON."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)


def _lines(line: Callable[[WholeTrace], bytes], head: bytes = b"") -> Callable[[Iterable[WholeTrace]], Iterator[bytes]]:
    def write(traces: Iterable[WholeTrace]) -> Iterator[bytes]:
        if head:
            yield head
        for trace in traces:
            yield line(trace)

    return write


#: Every format of traces by name, in the order of the menu.
TRACE_EXPORTS: Final[Mapping[str, TraceExport]] = {
    each.name: each
    for each in (
        FileFormat(
            "jsonl", "JSONL", "a line a trace, its spans and labels in it", "application/x-ndjson", "jsonl",
            _lines(_jsonl),
        ),
        FileFormat(
            "csv", "CSV", "a row a trace, for spreadsheets", "text/csv; charset=utf-8", "csv",
            _lines(_csv, head=BYTE_ORDER_MARK.encode() + csv_row(COLUMNS)), with_spans=False,
        ),
        FileFormat(
            "otlp", "OTLP", "spans as they were sent, to post elsewhere", "application/x-ndjson", "otlp.jsonl",
            _lines(_otlp),
        ),
        FileFormat(
            "parquet", "Parquet", "a row a span, for notebooks and warehouses", "application/vnd.apache.parquet",
            "parquet", trace_parquet.write, can_write=trace_parquet.can_write,
        ),
    )
}  # fmt: skip


def trace_export(name: str) -> TraceExport:
    """Return one format; a name nobody has is refused with the names there are."""
    return format_of(TRACE_EXPORTS, name, "traces")


def offered() -> tuple[TraceExport, ...]:
    """Return the formats that can be written here, in the order of the menu."""
    return writable(TRACE_EXPORTS)
