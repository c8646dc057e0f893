"""Parquet, the file of notebooks and warehouses: a row a span or a session, written a group of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from itertools import islice
from typing import Any, Final

import orjson

from ..record import Record
from .contract import Object
from .sink import Sink
from .whole_trace import WholeTrace

#: Spans that are packed together; readers skip groups by their smallest and largest values.
_GROUP: Final = 2_000
_TEXT: Final = (
    "trace_id", "span_id", "parent_span_id", "trace_name", "name", "kind", "status", "status_message", "error_type",
    "dialect", "provider", "request_model", "model", "operation", "session_id", "user_id", "environment", "release",
    "service",
)  # fmt: skip
_USAGE: Final = (
    "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip
#: Columns that hold JSON as text.
_JSON: Final = (
    "params", "input_messages", "output_messages", "tool", "tool_definitions", "documents", "metadata", "events",
    "links", "attributes", "resource",
)  # fmt: skip


def can_write() -> bool:
    """Say whether the library that writes Parquet is installed."""
    return _is_there(find_spec, "pyarrow")


@cache
def _is_there(find: Callable[[str], object], module: str) -> bool:
    """Say whether a module is installed: every list of traces asks, and looking takes a millisecond."""
    return find(module) is not None


def write(traces: Iterable[WholeTrace]) -> Iterator[bytes]:
    """Yield a Parquet file with a row for each span, in the order of the traces; needs pyarrow."""
    return write_rows(_rows(traces))


def write_rows(spans: Iterable[Object]) -> Iterator[bytes]:
    """Yield a Parquet file of rows that ``span_row`` made; needs pyarrow."""
    return write_table(spans, _schema)


def write_sessions(sessions: Iterable[Object]) -> Iterator[bytes]:
    """Yield a Parquet file of sessions as the API gives them, but for their times; needs pyarrow."""
    return write_table(sessions, _session_schema)


def write_table(found: Iterable[Object], schema_of: Callable[[Any], Any]) -> Iterator[bytes]:
    """Yield a Parquet file of rows with the schema that *schema_of* makes of pyarrow."""
    import pyarrow as pa  # noqa: PLC0415  # half a second, and optional
    from pyarrow import parquet  # noqa: PLC0415  # as above

    schema = schema_of(pa)
    sink = Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for rows in _groups(found):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            yield sink.taken()
    yield sink.taken()


def _schema(pa: Any) -> Any:
    text, number, real = pa.string(), pa.int64(), pa.float64()
    moment, listed = pa.timestamp("ns", tz="UTC"), pa.list_(pa.string())
    return pa.schema(
        [
            *((name, text) for name in _TEXT),
            ("start_time", moment),
            ("end_time", moment),
            ("duration_ms", real),
            ("ttft_ms", real),
            *((name, number) for name in _USAGE),
            ("cost_usd", real),
            ("unpriced", pa.bool_()),
            ("finish_reasons", listed),
            ("tags", listed),
            ("prompt_name", text),
            ("prompt_version", text),
            ("input", text),
            ("output", text),
            *((name, text) for name in _JSON),
            ("annotations", text),
        ]
    )


def _session_schema(pa: Any) -> Any:
    text, number, moment = pa.string(), pa.int64(), pa.timestamp("ns", tz="UTC")
    return pa.schema(
        [
            ("session_id", text),
            ("name", text),
            ("trace_count", number),
            ("error_count", number),
            ("start_time", moment),
            ("end_time", moment),
            ("total_tokens", number),
            ("cost_usd", pa.float64()),
            ("unpriced_count", number),
            ("models", pa.list_(text)),
            *((name, text) for name in ("user_id", "environment", "input_preview", "output_preview")),
        ]
    )


def _rows(traces: Iterable[WholeTrace]) -> Iterator[Object]:
    for trace in traces:
        for record, said in zip(trace.records, trace.span_records(), strict=True):
            yield span_row(said, record, trace.summary.name)


def _groups(found: Iterable[Object]) -> Iterator[list[Object]]:
    left = iter(found)
    while rows := list(islice(left, _GROUP)):
        yield rows


def span_row(said: Object, record: Record, trace_name: str | None) -> Object:
    """Return a row of *record*, which the API gives as *said*."""
    usage, cost, prompt = said["usage"] or {}, said["cost"] or {}, said["prompt"] or {}
    version = prompt.get("version")
    return {
        **{name: said.get(name) for name in _TEXT},
        "trace_name": trace_name,
        "start_time": record.span.start_ns,
        "end_time": record.span.end_ns,
        "duration_ms": said["duration_ms"],
        "ttft_ms": said["ttft_ms"],
        **{name: usage.get(name) for name in _USAGE},
        "cost_usd": cost.get("total_usd"),
        "unpriced": said["unpriced"],
        "finish_reasons": said["finish_reasons"],
        "tags": said["tags"],
        "prompt_name": prompt.get("name"),
        "prompt_version": None if version is None else str(version),
        "input": _words(said["input"]),
        "output": _words(said["output"]),
        **{name: None if said[name] is None else _json(said[name]) for name in _JSON},
        "annotations": _json(said["annotations"]),
    }


def _words(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
