"""A workbook for Excel with the columns of the CSV, which can be edited and taken back in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Final

from ..datasets.example import Example
from .export import Export
from .flat_csv import COLUMNS, cell, row
from .sink import Sink

#: Excel takes no longer text in a cell.
MOST_IN_A_CELL: Final = 32_767
_WIDTHS: Final = {"input": 60, "output": 60, "expected": 60, "rejected": 40, "critique": 40, "context": 40}


def can_write() -> bool:
    """Say whether the library that writes workbooks is installed."""
    return find_spec("openpyxl") is not None


def write(examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield a workbook with one sheet, its header frozen, one row an example; needs openpyxl."""
    from openpyxl import Workbook  # noqa: PLC0415  # optional
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415  # as above
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415  # as above
    from openpyxl.utils import get_column_letter  # noqa: PLC0415  # as above

    book = Workbook(write_only=True)
    sheet = book.create_sheet("examples")
    sheet.freeze_panes = "B2"
    for at, name in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS.get(name, 16)
    head = [WriteOnlyCell(sheet, value=column) for column in COLUMNS]
    for name in head:
        name.font = Font(bold=True)
    sheet.append(head)
    for example in examples:
        cells = []
        for text in row(example).values():
            made = WriteOnlyCell(sheet, value=excel_text(text))
            made.data_type = "s" if made.value is not None else "n"  # text, never a formula
            made.alignment = Alignment(vertical="top", wrap_text=True)
            cells.append(made)
        sheet.append(cells)
    sink = Sink()
    book.save(sink)
    yield sink.taken()


def excel_text(text: str) -> str | None:
    """Return what a cell can hold of *text*: no control characters, and no more than Excel takes."""
    kept = "".join(c for c in text if c in "\t\n" or c >= " ").replace("\x7f", "")
    return kept[:MOST_IN_A_CELL] or None


def cell_forms(example: Example) -> dict[str, tuple[str, ...]]:
    """Return the texts that each column of *example* has in files of ours: plain, in CSV, in a workbook."""
    return {name: (text, cell(text), excel_text(text) or "") for name, text in row(example).items()}


EXPORT = Export(
    name="xlsx",
    title="Excel",
    sentence="one row an example, to edit and import again",
    media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    extension="xlsx",
    write=write,
    can_write=can_write,
    extra="excel",
)
