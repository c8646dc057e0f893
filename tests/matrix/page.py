"""The matrix as the documentation shows it."""

from __future__ import annotations

import re
from typing import Final

from packaging.markers import Marker

from .case import Case, Edge
from .cases import CLIENTS, FRAMEWORKS, STORES
from .environment import lock_path

_HEAD: Final = "| {} | Oldest tested | Newest tested | Recorded by |\n| --- | --- | --- | --- |\n"


def version(case: Case, edge: Edge) -> str:
    """Return the version of the case's library that is tested."""
    library = _bare(case.packages[0])
    for line in lock_path(case, edge).read_text(encoding="utf-8").splitlines():
        wanted, _, marker = line.partition(";")
        name, _, found = wanted.strip().partition("==")
        if _bare(name) == library and (
            not marker or Marker(marker.strip()).evaluate({"python_full_version": "3.11.0"})
        ):
            return found
    raise LookupError(f"{library} is not in {lock_path(case, edge)}")


def markdown() -> str:
    """Return a table of each sort."""
    return "\n".join(
        _HEAD.format(title) + "".join(map(_row, cases))
        for title, cases in (("Framework", FRAMEWORKS), ("Client", CLIENTS), ("Vector store", STORES))
        if cases
    )


def _row(case: Case) -> str:
    library = _bare(case.packages[0])
    return (
        f"| `{case.name}` | {library} {version(case, 'oldest')} | {library} {version(case, 'newest')} | {case.how} |\n"
    )


def _bare(package: str) -> str:
    return re.split(r"[\[<>=!~ ]", package)[0]
