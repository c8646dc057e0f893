"""The page on filters: it tells of every field what the table does, and each piece it shows is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spanwise_server.query.filters import FIELDS, Term
from spanwise_server.query.parse import parse

PAGE = (Path(__file__).parents[3] / "web" / "docs" / "filters.md").read_text(encoding="utf-8")
TABLES = [line for line in PAGE.splitlines() if line.startswith("| ") and "`" in line]
EXAMPLES = [piece for line in TABLES[len(FIELDS) :] for piece in re.findall(r"`([^`]+)`", line.split(" | ")[0])]


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_every_field_stands_in_the_table_with_its_example(field):
    (row,) = (line for line in TABLES[: len(FIELDS)] if line.startswith(f"| {field.name} |"))
    assert f"`{field.example}`" in row
    tree = parse(field.example)
    assert isinstance(tree, Term)
    assert tree.field == field.name


@pytest.mark.parametrize("example", [*EXAMPLES, *re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL)])
def test_every_piece_that_is_shown_is_read(example):
    parse(example)


def test_the_page_shows_pieces():
    assert len(EXAMPLES) > 20
