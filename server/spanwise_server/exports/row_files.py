"""Any list as a file, a row each: the columns say what is in them, and the three formats follow from that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, Literal

import orjson

from . import trace_parquet
from .contract import Object, rfc3339
from .file_format import FileFormat, format_of, writable
from .flat_csv import BYTE_ORDER_MARK
from .trace_download import Run
from .trace_files import csv_row, json_line

#: What a column holds; a ``moment`` is nanoseconds since 1970, and ``json`` anything.
Kind = Literal["text", "number", "real", "yes", "moment", "texts", "json"]
Columns = Mapping[str, Kind]
RowExport = FileFormat[Object]
"""One file format of rows."""


def row_exports(columns: Columns) -> Mapping[str, RowExport]:
    """Return every format of rows with these columns by name, in the order of the menu."""
    lines, table = "a line each, as JSON", "for notebooks and warehouses"
    return {
        each.name: each
        for each in (
            FileFormat("jsonl", "JSONL", lines, "application/x-ndjson", "jsonl", partial(_jsonl, columns)),
            FileFormat("csv", "CSV", "for spreadsheets", "text/csv; charset=utf-8", "csv", partial(_csv, columns)),
            FileFormat(
                "parquet", "Parquet", table, "application/vnd.apache.parquet", "parquet", partial(_parquet, columns),
                can_write=trace_parquet.can_write,
            ),
        )
    }  # fmt: skip


def row_export(columns: Columns, name: str) -> RowExport:
    """Return one format; a name nobody has is refused with the names there are."""
    return format_of(row_exports(columns), name, "lists")


def offered() -> tuple[RowExport, ...]:
    """Return the formats that can be written here, in the order of the menu."""
    return writable(_ANY)


def row_file(rows: Iterable[Object], export: RowExport, run: Run) -> Iterator[bytes]:
    """Return the file of *rows*, and count them in *run*."""
    return run.told(export.write(_counted(rows, run)))


def _counted(rows: Iterable[Object], run: Run) -> Iterator[Object]:
    for row in rows:
        yield row
        run.done += 1
        run.of = max(run.of, run.done)


def _jsonl(columns: Columns, rows: Iterable[Object]) -> Iterator[bytes]:
    for row in rows:
        yield json_line({name: _told(row[name], kind) for name, kind in columns.items()})


def _csv(columns: Columns, rows: Iterable[Object]) -> Iterator[bytes]:
    yield BYTE_ORDER_MARK.encode() + csv_row(columns)
    for row in rows:
        yield csv_row(_flat(row[name], kind) for name, kind in columns.items())


def _parquet(columns: Columns, rows: Iterable[Object]) -> Iterator[bytes]:
    def schema(pa: Any) -> Any:
        types = {
            "text": pa.string(),
            "number": pa.int64(),
            "real": pa.float64(),
            "yes": pa.bool_(),
            "moment": pa.timestamp("ns", tz="UTC"),
            "texts": pa.list_(pa.string()),
            "json": pa.string(),
        }
        return pa.schema([(name, types[kind]) for name, kind in columns.items()])

    def cells(row: Object) -> Object:
        return {name: _json(row[name]) if kind == "json" else row[name] for name, kind in columns.items()}

    return trace_parquet.write_table(map(cells, rows), schema)


def _told(value: Any, kind: Kind) -> Any:
    return rfc3339(value) if kind == "moment" and value is not None else value


def _flat(value: Any, kind: Kind) -> Any:
    return _json(value) if kind == "json" else _told(value, kind)


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


_ANY: Final = row_exports({})
