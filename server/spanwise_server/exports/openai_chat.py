"""OpenAI's chat format for supervised fine-tuning: one conversation a line, ending in the answer that is wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..datasets.example import Example
from ..labelling.answer import SYSTEM_ROLES, asked, plain, text_of, tool_calls_of
from ..media import media_of
from .export import Export

Object = Mapping[str, Any]
Chat = dict[str, Any]

NO_ANSWER: Final = "no expected output"
NO_QUESTION: Final = "no question of a user"
LOOSE_RESULT: Final = "a tool result without its call"
LOOSE_CALL: Final = "a tool call without its result"


def row(example: Example) -> Chat:
    """Return one training example; ``tools`` only where there are any."""
    messages = [*_conversation(example.input), _answer(example.expected_output or {})]
    tools = [tool_definition(tool) for tool in example.tools]
    return {"messages": messages, "tools": tools} if tools else {"messages": messages}


def left_out(example: Example) -> str | None:
    """Return why OpenAI would not train on this example, or ``None``."""
    if example.expected_output is None or not _says_something(_answer(example.expected_output)):
        return NO_ANSWER
    conversation = _conversation(example.input)
    if not any(message["role"] == "user" for message in conversation):
        return NO_QUESTION
    return _unmatched(conversation)


def chat_messages(message: Object) -> Iterator[Chat]:
    """Yield one OpenTelemetry message in OpenAI's shape; every tool result becomes a message of its own."""
    role = str(message.get("role") or "user")
    results = [part for part in message.get("parts") or () if part.get("type") == "tool_call_response"]
    for result in results:
        yield {"role": "tool", "tool_call_id": str(result.get("id") or ""), "content": plain(result.get("response"))}
    if role == "assistant":
        yield _assistant(message)
    elif role in SYSTEM_ROLES:
        yield {"role": "system", "content": text_of(message)}
    elif not results:
        yield {"role": "user", "content": _user_content(message)}


def tool_definition(tool: Object) -> Chat:
    """Return a tool in OpenAI's shape, whichever shape it came in."""
    if isinstance(tool.get("function"), Mapping):
        return {"type": "function", "function": dict(tool["function"])}
    function = {"name": tool.get("name") or ""}
    if tool.get("description"):
        function["description"] = tool["description"]
    parameters = tool.get("parameters", tool.get("input_schema"))
    if parameters is not None:
        function["parameters"] = parameters
    return {"type": "function", "function": function}


def write(examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield one line an example."""
    for example in examples:
        yield json.dumps(row(example), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _conversation(given: Object) -> list[Chat]:
    messages = given.get("messages")
    if messages is None:
        question = asked(given.get("content"))
        return [{"role": "user", "content": question}] if question else []
    return [chat for message in messages for chat in chat_messages(message)]


def _answer(expected: Object) -> Chat:
    messages = expected.get("messages")
    if messages:
        return _assistant({"parts": [part for message in messages for part in message.get("parts") or ()]})
    return {"role": "assistant", "content": plain(expected.get("content"))}


def _assistant(message: Object) -> Chat:
    calls = [_call(call) for call in tool_calls_of(message)]
    text = text_of(message)
    if not calls:
        return {"role": "assistant", "content": text}
    return {"role": "assistant", "content": text or None, "tool_calls": calls}


def _call(call: Object) -> Chat:
    arguments = call.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    return {
        "id": str(call.get("id") or ""),
        "type": "function",
        "function": {"name": str(call.get("name") or ""), "arguments": text},
    }


def _user_content(message: Object) -> str | list[Chat]:
    parts = list(message.get("parts") or ())
    if not any(_image(part) for part in parts):
        return text_of(message)
    content: list[Chat] = []
    for part in parts:
        url = _image(part)
        if url:
            content.append({"type": "image_url", "image_url": {"url": url}})
        elif part.get("type") == "text":
            content.append({"type": "text", "text": str(part.get("content") or "")})
        elif part.get("type") == "blob":
            content.append({"type": "text", "text": f"[{part.get('modality') or 'file'}]"})
    return content


def _image(part: Object) -> str | None:
    """Return the address of an image, inside the message or elsewhere; ``None`` for all else."""
    if part.get("modality") != "image":
        return None
    if part.get("type") == "uri":
        return str(part.get("uri"))
    if part.get("type") == "blob" and media_of(part.get("content")) is None:
        return f"data:{part.get('mime_type') or 'image/png'};base64,{part.get('content')}"
    return None


def _says_something(answer: Chat) -> bool:
    return bool(answer["content"] or answer.get("tool_calls"))


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


EXPORT = Export(
    name="openai-chat",
    title="OpenAI fine-tuning",
    sentence="messages",
    media_type="application/jsonl; charset=utf-8",
    extension="openai.jsonl",
    write=write,
    left_out=left_out,
    holds_media=True,
)
