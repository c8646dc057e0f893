"""OpenAI's format for direct preference optimization: a conversation, the answer to prefer and the one not to."""

from __future__ import annotations

from typing import Any, Final

from ..datasets.example import Example
from .chat import NO_ANSWER, NO_REJECTED, answer_or_none, conversation, tools
from .export import json_lines
from .openai_chat import unusable

ONLY_TEXT: Final = "an answer that is not plain text"


def row(example: Example) -> dict[str, Any]:
    """Return one preference."""
    asked: dict[str, Any] = {"messages": conversation(example.input)}
    if given := tools(example):
        asked |= {"tools": given, "parallel_tool_calls": True}
    return {
        "input": asked,
        "preferred_output": [answer_or_none(example.expected_output)],
        "non_preferred_output": [answer_or_none(example.rejected_output)],
    }


def left_out(example: Example) -> str | None:
    """Return why OpenAI would not take this preference, or ``None``."""
    preferred, rejected = answer_or_none(example.expected_output), answer_or_none(example.rejected_output)
    if preferred is None:
        return NO_ANSWER
    if rejected is None:
        return NO_REJECTED
    if "tool_calls" in preferred or "tool_calls" in rejected:
        return ONLY_TEXT
    return unusable(conversation(example.input))


EXPORT = json_lines(
    name="openai-dpo",
    title="OpenAI preferences",
    sentence="preferred and rejected answers, for DPO",
    row=row,
    left_out=left_out,
    holds_media=True,
)
