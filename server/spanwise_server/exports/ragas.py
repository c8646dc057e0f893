"""Samples of Ragas: a single turn, or a whole conversation where the user speaks more than once."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .chat import NO_QUESTION, Chat, answer_or_none, arguments_of, conversation, output_text, question
from .export import json_lines

_TYPES = {"user": "human", "assistant": "ai", "tool": "tool"}


def row(example: Example) -> dict[str, Any]:
    """Return one sample of ``SingleTurnSample`` or ``MultiTurnSample``; what is unsaid is not there."""
    turns = conversation(example.input)
    if sum(message["role"] == "user" for message in turns) > 1:
        said = answer_or_none(example.actual_output)
        messages = [*turns, said] if said else turns
        found: dict[str, Any] = {
            "user_input": [_message(m) for m in messages if m["role"] in _TYPES],
            "reference": output_text(example.expected_output),
        }
    else:
        found = {
            "user_input": question(example),
            "retrieved_contexts": list(example.context) or None,
            "response": output_text(example.actual_output),
            "reference": output_text(example.expected_output),
        }
    return {name: value for name, value in found.items() if value is not None}


def left_out(example: Example) -> str | None:
    """Return why this is no sample, or ``None``."""
    return None if question(example) else NO_QUESTION


def _message(message: Chat) -> Chat:
    content = message["content"]
    if isinstance(content, list):
        content = "\n\n".join(part["text"] for part in content if part["type"] == "text")
    said = {"type": _TYPES[message["role"]], "content": content or ""}
    if "tool_calls" in message:
        said["tool_calls"] = [
            {"name": call["function"]["name"], "args": arguments_of(call)} for call in message["tool_calls"]
        ]
    return said


EXPORT = json_lines(
    name="ragas",
    title="Ragas",
    sentence="samples of one turn or several",
    row=row,
    left_out=left_out,
)
