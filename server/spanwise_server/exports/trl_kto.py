"""TRL's unpaired preferences, for KTO: an answer and whether it is good; a verdict is all it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ..datasets.example import Example
from .chat import NO_ANSWER, Object, answer, answer_or_none
from .export import Export, json_line
from .trl_chat import no_prompt, template_message, template_prompt, tools_column

NO_VERDICT: Final = "neither passed nor failed"


def rows(example: Example) -> Iterator[dict[str, Any]]:
    """Yield what was answered with its verdict, and after it the good answer that was put in its place."""
    yield _row(example, example.actual_output or {}, label=_verdict(example) == "pass")
    if answer_or_none(example.rejected_output) is not None and answer_or_none(example.expected_output) is not None:
        yield _row(example, example.expected_output or {}, label=True)


def left_out(example: Example) -> str | None:
    """Return why this is no preference, or ``None``."""
    if _verdict(example) not in {"pass", "fail"}:
        return NO_VERDICT
    return NO_ANSWER if answer_or_none(example.actual_output) is None else no_prompt(example)


def write(examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield one or two lines an example."""
    return (b"".join(map(json_line, rows(example))) for example in examples)


def _verdict(example: Example) -> object:
    return (example.label or {}).get("verdict")


def _row(example: Example, output: Object, *, label: bool) -> dict[str, Any]:
    completion = [template_message(answer(output))]
    return {"prompt": template_prompt(example), "completion": completion, "label": label, **tools_column(example)}


EXPORT = Export(
    name="trl-kto",
    title="TRL unpaired preferences",
    sentence="answers with their verdict, for KTO",
    media_type="application/jsonl; charset=utf-8",
    extension="trl-kto.jsonl",
    write=write,
    left_out=left_out,
    holds_media=True,
)
