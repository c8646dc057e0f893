"""Samples of Inspect AI, the evaluation framework of the UK AI Security Institute: input, target, metadata."""

from __future__ import annotations

from typing import Any

from ..datasets.example import Example
from .about import about
from .chat import Chat, arguments_of, conversation, no_expected_text, output_text
from .export import json_lines


def row(example: Example) -> dict[str, Any]:
    """Return one sample; a plain question stays text, a conversation is a list of chat messages."""
    asked: str | list[Chat]
    if example.input.get("messages") is None:
        asked = "".join(message["content"] for message in conversation(example.input))
    else:
        asked = [_message(message) for message in conversation(example.input)]
    return {
        "input": asked,
        "target": list(example.assertions) or output_text(example.expected_output),
        "id": example.id,
        "metadata": about(example),
    }


def left_out(example: Example) -> str | None:
    """Return why a solver would have nothing to reach, or ``None``."""
    return None if example.assertions else no_expected_text(example)


def _message(message: Chat) -> Chat:
    content = message["content"]
    if isinstance(content, list):
        content = [_content(part) for part in content]
    said = {**message, "content": content or ""}
    if "tool_calls" in said:
        said["tool_calls"] = [_call(call) for call in said["tool_calls"]]
    return said


def _content(part: Chat) -> Chat:
    return {"type": "image", "image": part["image_url"]["url"]} if part["type"] == "image_url" else part


def _call(call: Chat) -> Chat:
    function = call["function"]["name"]
    return {"id": call["id"], "function": function, "arguments": arguments_of(call), "type": "function"}


EXPORT = json_lines(
    name="inspect",
    title="Inspect AI",
    sentence="samples with input and target",
    row=row,
    left_out=left_out,
    holds_media=True,
)
