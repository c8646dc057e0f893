"""Whether any installed package announces something to us: asked of the files, as reading all metadata takes long."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from typing import Final

_FILE: Final = "entry_points.txt"
_METADATA: Final = (".dist-info", ".egg-info", "EGG-INFO")


def is_announced(groups: Iterable[str]) -> bool:
    """Return whether the metadata of a package may name one of *groups*; where that cannot be seen, it may."""
    if any(hasattr(finder, "find_distributions") and not _looks_along_paths(finder) for finder in sys.meta_path):
        return True
    heads = [f"[{group}]".encode() for group in groups]
    return any(_says(place, heads) for place in dict.fromkeys(sys.path))


def _looks_along_paths(finder: object) -> bool:
    """Return whether *finder* is Python's own, or the one that the package importlib_metadata puts beside it."""
    return finder is PathFinder or "importlib_metadata" in type(finder).__module__


# No paths here: making one for each installed package takes longer than reading all of their files.


def _says(place: str, heads: list[bytes]) -> bool:
    try:
        names = os.listdir(place or ".")  # noqa: PTH208
    except NotADirectoryError:  # an archive, whose metadata only importlib reads
        return True
    except OSError:  # as importlib has it, a place that is not there or not to be read holds nothing
        return False
    return any(head in text for text in _texts(place, names) for head in heads)


def _texts(place: str, names: list[str]) -> Iterator[bytes]:
    for name in names:
        if name.endswith(_METADATA):
            try:
                with open(f"{place or '.'}/{name}/{_FILE}", "rb", buffering=0) as file:  # noqa: PTH123
                    yield file.read()
            except OSError:  # most packages announce nothing
                continue
