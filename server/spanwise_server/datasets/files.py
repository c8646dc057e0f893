"""Files that people bring, as rows: CSV, Excel, JSON Lines and JSON lists."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Final

from ..errors import SpanwiseError

Row = Mapping[str, Any]
MOST_ROWS: Final = 20_000
#: A workbook is a zip: what it unpacks to is bounded as well.
MOST_UNPACKED_BYTES: Final = 200 * 1024 * 1024
_ZIP: Final = b"PK\x03\x04"


def read_rows(body: bytes) -> list[Row]:
    """Return the rows of a file, whatever it is called: a workbook, JSON Lines, a JSON list, or CSV with a header."""
    rows = []
    for row in _rows(body):
        rows.append(row)
        if len(rows) > MOST_ROWS:
            raise SpanwiseError(f"That file has more than {MOST_ROWS:,} rows.", "Split it.")
    if not rows:
        raise SpanwiseError("That file has no rows.", "Send CSV or Excel with a header, or JSON Lines.")
    return rows


def _rows(body: bytes) -> Iterator[Row]:
    if body.startswith(_ZIP):
        return _workbook(body)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpanwiseError("That file is not UTF-8 text.", "Save it as UTF-8, or send the Excel workbook.") from None
    begin = text.lstrip()[:1]
    if begin == "[":
        return _json_list(text)
    if begin != "{":
        return _csv(text)
    page = _page(text)
    return _json_lines(text) if page is None else (_object(row, f"Element {n}") for n, row in enumerate(page, 1))


def _page(text: str) -> list[Any] | None:
    """Return the rows of a page of an API that was saved as one object, ``None`` where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    rows = found.get("data") if isinstance(found, Mapping) and found.get("object") == "list" else None
    return rows if isinstance(rows, list) else None


def _json_list(text: str) -> Iterator[Row]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise SpanwiseError(f"That is no JSON: {error}.", "Send a JSON list of objects.") from None
    for number, row in enumerate(found, 1):
        yield _object(row, f"Element {number}")


def _json_lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SpanwiseError(f"Line {number} is no JSON: {error}.", "Send one JSON object a line.") from None
            yield _object(row, f"Line {number}")


def _object(row: Any, where: str) -> Row:
    if not isinstance(row, Mapping):
        raise SpanwiseError(f"{where} is no JSON object.", "Send one object for each example.")
    return row


def _csv(text: str) -> Iterator[Row]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        for row in reader:
            yield {name.strip(): value or "" for name, value in row.items() if isinstance(name, str)}
    except csv.Error as error:
        raise SpanwiseError(f"That is no CSV: {error}.", "Quote cells that hold quotes, commas or line ends.") from None


def _workbook(body: bytes) -> Iterator[Row]:
    if find_spec("openpyxl") is None:
        raise SpanwiseError("Excel workbooks need more than is installed.", 'pip install "spanwise[excel]"')
    import zipfile  # noqa: PLC0415  # only here

    from openpyxl import load_workbook  # noqa: PLC0415  # optional

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as folder:
            unpacked = sum(entry.file_size for entry in folder.infolist())
        if unpacked > MOST_UNPACKED_BYTES:
            raise SpanwiseError("That workbook unpacks to too much.", "Send it as CSV, in parts.")
        sheet = load_workbook(io.BytesIO(body), read_only=True, data_only=True).worksheets[0]
        lines = sheet.iter_rows(values_only=True)
        head = [str(name or "").strip() for name in next(lines, ())]
        for line in lines:
            if any(value is not None for value in line):
                yield {name: _cell_text(value) for name, value in zip(head, line, strict=False) if name}
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise SpanwiseError(f"That workbook cannot be read: {error}.", "Save it again, or send CSV.") from None


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
