"""Clients that do not fit beside the others: their streams end as published, with us they see the same."""

from __future__ import annotations

import pytest

from sdk.apart import APART
from sdk.stream_ends import HEADINGS, published

from .apart import told_apart
from .case import Case, Edge
from .cases import CASES
from .test_matrix import at_both_edges

pytestmark = pytest.mark.matrix
both = at_both_edges([case for case in CASES if case.name in APART])


@both
def test_streams_end_as_published(case: Case, edge: Edge) -> None:
    for heading in HEADINGS:
        assert told_apart(case.name, edge)["ends"][heading] == published(heading)[case.name]


@both
def test_whatever_comes_back_is_the_same_with_and_without(case: Case, edge: Edge) -> None:
    assert told_apart(case.name, edge)["differences"] == []
