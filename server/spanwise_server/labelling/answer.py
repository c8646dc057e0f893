"""What was asked and what was answered, as text that a person can read and correct."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..record import Json, Reading

Message = Mapping[str, Any]
SYSTEM_ROLES: Final = frozenset({"system", "developer"})
#: A refusal is an answer in words too.
TEXT_TYPES: Final = frozenset({"text", "refusal"})


def text_of(message: Message) -> str:
    """Return the text of one message, without reasoning and tool calls."""
    parts = [part for part in message.get("parts") or () if isinstance(part, Mapping)]
    texts = [str(part.get("content") or "") for part in parts if part.get("type") in TEXT_TYPES]
    return "\n\n".join(text for text in texts if text)


def texts_of(messages: Iterable[Message]) -> str:
    """Return the text of several messages, a blank line between them."""
    return "\n\n".join(text for text in map(text_of, messages) if text)


def tool_calls_of(message: Message) -> list[Message]:
    """Return the tool calls one message makes."""
    return [p for p in message.get("parts") or () if isinstance(p, Mapping) and p.get("type") == "tool_call"]


def plain(value: Json) -> str:
    """Return a value as text: text as it is, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)


def asked(value: Json) -> str:
    """Return an input as text: a function's only argument as that argument, all else as :func:`plain`."""
    if isinstance(value, Mapping) and len(value) == 1:
        only = next(iter(value.values()))
        if isinstance(only, str):
            return only
    return plain(value)


def question_text(reading: Reading) -> str:
    """Return what was asked: the last message of the user, else the input as it is."""
    users = [m for m in reading.input_messages or () if m.get("role") == "user" and text_of(m)]
    return text_of(users[-1]) if users else asked(reading.input)


def answer_text(reading: Reading) -> str:
    """Return what was answered: the text of the output messages, else the output, else the tools it called."""
    messages = reading.output_messages or ()
    said = texts_of(messages) or plain(reading.output)
    if said or not messages:
        return said
    calls = [call for message in messages for call in tool_calls_of(message)]
    return "\n".join(f"{call.get('name')}({json.dumps(call.get('arguments'), ensure_ascii=False)})" for call in calls)


def system_text(reading: Reading) -> str:
    """Return the instructions given before the conversation."""
    return texts_of(m for m in reading.input_messages or () if m.get("role") in SYSTEM_ROLES)
