"""File formats of what is exported, and how one is asked for by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..errors import SpanwiseError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileFormat(Generic[T]):
    """One format of files of traces or of spans."""

    name: str
    title: str
    sentence: str
    """What one line of the file holds, for the menu."""
    media_type: str
    extension: str
    write: Callable[[Iterable[T]], Iterator[bytes]]
    with_spans: bool = True
    can_write: Callable[[], bool] = lambda: True
    """Says whether what it needs is installed."""


def format_of(formats: Mapping[str, FileFormat[T]], name: str, what: str) -> FileFormat[T]:
    """Return the format of a *name* for files of *what*; one nobody has is refused with the names there are."""
    found = formats.get(name)
    if found is None:
        raise SpanwiseError(f"There is no export format {name!r} of {what}.", f"There are: {', '.join(formats)}.")
    if not found.can_write():
        raise SpanwiseError(f"{found.title} needs more than is installed.", f'pip install "spanwise[{name}]"')
    return found


def writable(formats: Mapping[str, FileFormat[T]]) -> tuple[FileFormat[T], ...]:
    """Return the formats that can be written here, in the order of the menu."""
    return tuple(each for each in formats.values() if each.can_write())
