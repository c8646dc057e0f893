"""The samples of the open-source openai/evals: a conversation, and the ideal answer to it."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .chat import NO_QUESTION, conversation, has_question, no_expected_text, output_text
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one sample; keys that the target does not know are carried along by it."""
    return {"input": conversation(example.input), "ideal": output_text(example.expected_output), "id": example.id}


def left_out(example: Example) -> str | None:
    """Return why this is no sample, or ``None``."""
    return no_expected_text(example) or (None if has_question(conversation(example.input)) else NO_QUESTION)


EXPORT = json_lines(
    name="openai-evals",
    title="openai/evals",
    sentence="input and ideal answer",
    row=row,
    left_out=left_out,
    holds_media=True,
)
