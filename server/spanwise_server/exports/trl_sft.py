"""TRL's prompt and completion for supervised fine-tuning: the loss is taken over the expected answer alone."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .chat import NO_ANSWER, answer, answer_or_none
from .export import json_lines
from .trl_chat import no_prompt, template_message, template_prompt, tools_column


def row(example: Example) -> dict[str, Any]:
    """Return one conversation with its completion."""
    completion = template_message(answer(example.expected_output or {}))
    return {"prompt": template_prompt(example), "completion": [completion], **tools_column(example)}


def left_out(example: Example) -> str | None:
    """Return why there is nothing to learn from this example, or ``None``."""
    return NO_ANSWER if answer_or_none(example.expected_output) is None else no_prompt(example)


EXPORT = json_lines(
    name="trl-sft",
    title="TRL fine-tuning",
    sentence="prompt and completion",
    row=row,
    left_out=left_out,
    holds_media=True,
)
