"""The matrix as the documentation shows it: ``python -m matrix.page`` writes it there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from packaging.markers import Marker

from .case import Case, Edge
from .cases import CLIENTS, FRAMEWORKS, STORES
from .environment import lock_path

_DOCS: Final = Path(__file__).parents[2] / "web" / "docs"
SORTS: Final = {
    "Framework": (_DOCS / "frameworks.md", FRAMEWORKS),
    "Client": (_DOCS / "clients.md", CLIENTS),
    "Vector store": (_DOCS / "frameworks.md", STORES),
}
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


def markdown(sort: str) -> str:
    """Return the table of one sort."""
    return _HEAD.format(sort) + "".join(map(_row, SORTS[sort][1]))


def write() -> None:
    """Put each table where the one before it stands."""
    for sort, (page, _) in SORTS.items():
        old = page.read_text(encoding="utf-8")
        found = re.sub(
            rf"^\| {sort} \| Oldest tested .*\n(\|.*\n)*", lambda _, s=sort: markdown(s), old, flags=re.MULTILINE
        )
        page.write_text(found, encoding="utf-8")


def _row(case: Case) -> str:
    library = _bare(case.packages[0])
    return (
        f"| `{case.name}` | {library} {version(case, 'oldest')} | {library} {version(case, 'newest')} | {case.how} |\n"
    )


def _bare(package: str) -> str:
    return re.split(r"[\[<>=!~ ]", package)[0]


if __name__ == "__main__":
    write()
