"""OpenAI's chat format for supervised fine-tuning: one conversation a line, ending in the answer that is wanted."""

from __future__ import annotations

from typing import Final

from ..datasets.example import Example
from .chat import NO_ANSWER, NO_QUESTION, Chat, answer, answer_or_none, conversation, has_question, tools
from .export import json_lines

LOOSE_RESULT: Final = "a tool result without its call"
LOOSE_CALL: Final = "a tool call without its result"


def row(example: Example) -> Chat:
    """Return one training example; ``tools`` only where there are any."""
    messages = [*conversation(example.input), answer(example.expected_output or {})]
    given = tools(example)
    return {"messages": messages, "tools": given} if given else {"messages": messages}


def left_out(example: Example) -> str | None:
    """Return why OpenAI would not train on this example, or ``None``."""
    return NO_ANSWER if answer_or_none(example.expected_output) is None else unusable(conversation(example.input))


def unusable(messages: list[Chat]) -> str | None:
    """Return what OpenAI's check would refuse in what was asked, or ``None``.

    A user asks something, calls of tools are answered at once, and results answer a call.
    """
    return _unmatched(messages) if has_question(messages) else NO_QUESTION


def _unmatched(conversation: list[Chat]) -> str | None:
    """Return what OpenAI's check would refuse: calls must be answered at once, results must answer a call."""
    waiting: set[str] = set()
    for message in conversation:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return LOOSE_RESULT
            waiting.discard(message["tool_call_id"])
        elif waiting:
            return LOOSE_CALL
        else:
            waiting = {call["id"] for call in message.get("tool_calls") or ()}
    return LOOSE_CALL if waiting else None


EXPORT = json_lines(
    name="openai-chat",
    title="OpenAI fine-tuning",
    sentence="messages",
    row=row,
    extension="openai.jsonl",
    left_out=left_out,
    holds_media=True,
)
