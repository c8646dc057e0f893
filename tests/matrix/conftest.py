"""Tests of one group alone, where ``MATRIX_GROUP`` says whose turn it is; their programs run beside each other."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from . import programs
from .case import Case
from .groups import cases_of


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs another group's library."""
    if (turn := os.environ.get("MATRIX_GROUP")) is None:
        return
    chosen = {case.name for case in cases_of(int(turn))}
    others = [item for item in items if (case := _case(item)) is not None and case.name not in chosen]
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session", autouse=True)
def _programs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Start what the tests of this run will ask for, in their order."""
    cases = [(item, case) for item in request.session.items if (case := _case(item)) is not None]
    programs.start(_program(item, case) for item, case in cases)
    yield
    programs.end()


def _program(item: pytest.Item, case: Case) -> programs.Program:
    edge = item.callspec.params.get("edge")  # type: ignore[attr-defined]  # it has one, since it has a case
    return (case.name, edge, False) if edge else (case.name, "newest", True)


def _case(item: pytest.Item) -> Case | None:
    given = getattr(item, "callspec", None)
    case = given.params.get("case") if given is not None else None
    return case if isinstance(case, Case) else None
