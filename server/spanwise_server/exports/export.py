"""What a file format of examples is, and the list of those there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from spanwise.registry import load_all

from ..datasets.example import Example
from ..errors import SpanwiseError

#: Every format that ships with the server, by name, in the order of the menu.
EXPORTS: Final[Mapping[str, str]] = {
    "jsonl": "spanwise_server.exports.spanwise_jsonl:EXPORT",
    "csv": "spanwise_server.exports.flat_csv:EXPORT",
    "openai-chat": "spanwise_server.exports.openai_chat:EXPORT",
}
#: Entry-point group in which another package announces its formats.
EXPORT_GROUP: Final = "spanwise.exports"


def _takes_all(example: Example) -> str | None:  # noqa: ARG001 - the shape of Export.left_out
    return None


@dataclass(frozen=True, slots=True)
class Export:
    """One file format."""

    name: str
    title: str
    sentence: str
    """What one file holds, for the menu."""
    media_type: str
    extension: str
    write: Callable[[Iterable[Example]], Iterator[bytes]]
    """Writes examples as they come, so that a file of any size streams; only those it takes are given to it."""
    left_out: Callable[[Example], str | None] = _takes_all
    """Says why an example has no place in this format; ``None`` takes it."""
    holds_media: bool = False
    """Whether pictures and files stand in it as base64; else what stands for them in their span does."""


@cache
def exports() -> Mapping[str, Export]:
    """Return every format by name: ours, then what installed packages add."""
    return dict(load_all(EXPORTS, EXPORT_GROUP))


def export_named(name: str) -> Export:
    """Return one format; a name nobody has is refused with the names there are."""
    found = exports().get(name)
    if found is None:
        raise SpanwiseError(f"There is no export format {name!r}.", f"There are: {', '.join(exports())}.")
    return found


def written(export: Export, examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield the file, without the examples that have no place in it."""
    return export.write(example for example in examples if export.left_out(example) is None)


def left_out(export: Export, examples: Iterable[Example]) -> dict[str, int]:
    """Return how many examples the file leaves out, by reason, the commonest first."""
    reasons = Counter(reason for example in examples if (reason := export.left_out(example)) is not None)
    return dict(reasons.most_common())
