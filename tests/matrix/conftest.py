"""Tests of one group alone, where ``MATRIX_GROUP`` says whose turn it is."""

from __future__ import annotations

import os

import pytest

from .groups import cases_of


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs another group's library."""
    if (turn := os.environ.get("MATRIX_GROUP")) is None:
        return
    chosen = {case.name for case in cases_of(int(turn))}
    others = [item for item in items if (run := _case(item)) is not None and run not in chosen]
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)


def _case(item: pytest.Item) -> str | None:
    given = getattr(item, "callspec", None)
    case = given.params.get("case") if given is not None else None
    return getattr(case, "name", None)
