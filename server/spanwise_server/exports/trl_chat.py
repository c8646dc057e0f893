"""Conversations as chat templates of open models read them: arguments of tool calls are objects, not text."""

from __future__ import annotations

import json
from typing import Final

from ..datasets.example import Example
from .chat import NO_QUESTION, Chat, arguments_of, conversation, has_question, tools

#: Reads back as JSON where the column of tools of several examples would not fit one schema.
TOOLS: Final = "tools"


def template_message(message: Chat) -> Chat:
    """Return one message in OpenAI's chat shape with the arguments of its tool calls as objects."""
    if "tool_calls" not in message:
        return message
    calls = [
        {**call, "function": {**call["function"], "arguments": arguments_of(call)}} for call in message["tool_calls"]
    ]
    return {**message, "content": message["content"] or "", "tool_calls": calls}


def template_prompt(example: Example) -> list[Chat]:
    """Return what was asked."""
    return [template_message(message) for message in conversation(example.input)]


def no_prompt(example: Example) -> str | None:
    """Return why nothing can be trained on this example whatever the answer: nobody asks."""
    return None if has_question(conversation(example.input)) else NO_QUESTION


def tools_column(example: Example) -> dict[str, str]:
    """Return the column of tools, empty where there are none."""
    given = tools(example)
    return {TOOLS: json.dumps(given, ensure_ascii=False)} if given else {}
