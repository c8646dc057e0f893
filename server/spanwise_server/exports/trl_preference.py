"""TRL's preferences: a prompt, the answer that was put in place of another, and that other one."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .chat import NO_ANSWER, NO_REJECTED, answer, answer_or_none
from .export import json_lines
from .trl_chat import no_prompt, template_message, template_prompt, tools_column


def row(example: Example) -> dict[str, Any]:
    """Return one preference."""
    return {
        "prompt": template_prompt(example),
        "chosen": [template_message(answer(example.expected_output or {}))],
        "rejected": [template_message(answer(example.rejected_output or {}))],
        **tools_column(example),
    }


def left_out(example: Example) -> str | None:
    """Return why this is no preference, or ``None``."""
    if answer_or_none(example.expected_output) is None:
        return NO_ANSWER
    return NO_REJECTED if answer_or_none(example.rejected_output) is None else no_prompt(example)


EXPORT = json_lines(
    name="trl-preference",
    title="TRL preferences",
    sentence="chosen and rejected answers",
    row=row,
    left_out=left_out,
    holds_media=True,
)
