"""What a file format of examples is, and the list of those there are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from spanwise.registry import load_all

from ..datasets.example import Example
from ..errors import SpanwiseError

#: Every format that ships with the server, by name, in the order of the menu.
EXPORTS: Final[Mapping[str, str]] = {
    "jsonl": "spanwise_server.exports.spanwise_jsonl:EXPORT",
    "csv": "spanwise_server.exports.flat_csv:EXPORT",
    "huggingface": "spanwise_server.exports.huggingface:EXPORT",
    "xlsx": "spanwise_server.exports.xlsx:EXPORT",
    "openai-chat": "spanwise_server.exports.openai_chat:EXPORT",
    "openai-dpo": "spanwise_server.exports.openai_dpo:EXPORT",
    "openai-evals": "spanwise_server.exports.openai_evals:EXPORT",
    "promptfoo": "spanwise_server.exports.promptfoo:EXPORT",
    "inspect": "spanwise_server.exports.inspect_ai:EXPORT",
    "trl-sft": "spanwise_server.exports.trl_sft:EXPORT",
    "trl-preference": "spanwise_server.exports.trl_preference:EXPORT",
    "trl-kto": "spanwise_server.exports.trl_kto:EXPORT",
    "trl-stepwise": "spanwise_server.exports.trl_stepwise:EXPORT",
    "deepeval": "spanwise_server.exports.deepeval:EXPORT",
    "ragas": "spanwise_server.exports.ragas:EXPORT",
    "langsmith": "spanwise_server.exports.langsmith:EXPORT",
    "langfuse": "spanwise_server.exports.langfuse:EXPORT",
    "phoenix": "spanwise_server.exports.phoenix:EXPORT",
    "mlflow": "spanwise_server.exports.mlflow:EXPORT",
    "braintrust": "spanwise_server.exports.braintrust:EXPORT",
    "label-studio": "spanwise_server.exports.label_studio:EXPORT",
    "argilla": "spanwise_server.exports.argilla:EXPORT",
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
    can_write: Callable[[], bool] = lambda: True
    """Says whether what it needs is installed."""
    extra: str = ""
    """What to install where it is not: ``pip install "spanwise[extra]"``."""


#: Gives an example's row as JSON.
ToRow = Callable[[Example], Mapping[str, Any]]


def json_lines(
    name: str,
    title: str,
    sentence: str,
    row: ToRow,
    *,
    left_out: Callable[[Example], str | None] = _takes_all,
    extension: str = "",
    holds_media: bool = False,
) -> Export:
    """Return a format of one JSON object a line."""

    def write(examples: Iterable[Example]) -> Iterator[bytes]:
        return (json_line(row(example)) for example in examples)

    media_type, extension = "application/jsonl; charset=utf-8", extension or f"{name}.jsonl"
    return Export(name, title, sentence, media_type, extension, write, left_out, holds_media)


def json_rows(
    name: str, title: str, sentence: str, row: ToRow, *, left_out: Callable[[Example], str | None] = _takes_all
) -> Export:
    """Return a format of one JSON list, an example on a line."""

    def write(examples: Iterable[Example]) -> Iterator[bytes]:
        begun = False
        for example in examples:
            yield (b",\n" if begun else b"[\n") + json_line(row(example)).rstrip()
            begun = True
        yield b"\n]\n" if begun else b"[]\n"

    return Export(name, title, sentence, "application/json", f"{name}.json", write, left_out)


def json_line(value: Mapping[str, Any]) -> bytes:
    """Return one line of JSON Lines."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@cache
def exports() -> Mapping[str, Export]:
    """Return every format by name: ours, then what installed packages add."""
    return dict(load_all(EXPORTS, EXPORT_GROUP))


def export_named(name: str) -> Export:
    """Return one format; a name nobody has is refused with the names there are."""
    found = exports().get(name)
    if found is None:
        raise SpanwiseError(f"There is no export format {name!r}.", f"There are: {', '.join(exports())}.")
    if not found.can_write():
        raise SpanwiseError(f"{found.title} needs more than is installed.", f'pip install "spanwise[{found.extra}]"')
    return found


def offered() -> tuple[Export, ...]:
    """Return the formats that can be written here, in the order of the menu."""
    return tuple(export for export in exports().values() if export.can_write())


def written(export: Export, examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield the file, without the examples that have no place in it."""
    return export.write(example for example in examples if export.left_out(example) is None)


def left_out(export: Export, examples: Iterable[Example]) -> dict[str, int]:
    """Return how many examples the file leaves out, by reason, the commonest first."""
    reasons = Counter(reason for example in examples if (reason := export.left_out(example)) is not None)
    return dict(reasons.most_common())
