"""The programs of a run of the matrix: each is run once, some beside each other, and asked for by every test of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from .case import Edge
from .cases import CASES
from .environment import environment
from .run import Told, run

Program = tuple[str, Edge, bool]
_POOL: Final = ThreadPoolExecutor(int(os.environ.get("MATRIX_WORKERS", "3")))
_STARTED: Final[dict[Program, Future[Told]]] = {}


def start(programs: Iterable[Program]) -> None:
    """Have *programs* run in their order, as many at once as ``MATRIX_WORKERS`` says."""
    for program in programs:
        if program not in _STARTED:
            _STARTED[program] = _POOL.submit(_run, *program)


def told_of(case_name: str, edge: Edge, *, excluded: bool = False) -> Told:
    """Return what is told of a case's program, with its framework left out where that is *excluded*."""
    program = (case_name, edge, excluded)
    start([program])
    return _STARTED[program].result()


def end() -> None:
    """Let no program begin any more."""
    _POOL.shutdown(cancel_futures=True)


def _run(case_name: str, edge: Edge, excluded: bool) -> Told:
    case = next(case for case in CASES if case.name == case_name)
    python = environment(case, edge)
    return run(case, python, SPANWISE_EXCLUDE=case_name) if excluded else run(case, python)
