"""An example as a conversation in OpenAI's chat shape, which half of all formats build on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..datasets.example import Example
from ..labelling.answer import SYSTEM_ROLES, asked, plain, text_of, tool_calls_of
from ..media import media_of

Object = Mapping[str, Any]
Chat = dict[str, Any]

NO_ANSWER: Final = "no expected output"
NO_QUESTION: Final = "no question of a user"
NO_REJECTED: Final = "no rejected output"


def conversation(given: Object) -> list[Chat]:
    """Return what was asked, as messages; a plain input is the question of a user."""
    messages = given.get("messages")
    if messages is None:
        question = asked(given.get("content"))
        return [{"role": "user", "content": question}] if question else []
    return [chat for message in messages for chat in chat_messages(message)]


def answer(output: Object) -> Chat:
    """Return an output as the one message of an assistant."""
    messages = output.get("messages")
    if messages:
        return _assistant({"parts": [part for message in messages for part in message.get("parts") or ()]})
    return {"role": "assistant", "content": plain(output.get("content"))}


def answer_or_none(output: Object | None) -> Chat | None:
    """Return an output as a message, ``None`` where there is none or it says nothing."""
    if output is None:
        return None
    said = answer(output)
    return said if said["content"] or said.get("tool_calls") else None


def question(example: Example) -> str:
    """Return the last words of the user; of a plain input, that input as text."""
    asked_last = [m for m in example.input.get("messages") or () if m.get("role") == "user" and text_of(m)]
    return text_of(asked_last[-1]) if asked_last else asked(example.input.get("content"))


def output_text(output: Object | None) -> str | None:
    """Return an output as text, ``None`` where there is none or it says nothing in words."""
    return None if output is None else plain(output.get("content")) or None


def no_expected_text(example: Example) -> str | None:
    """Return why a format of answers in words leaves this example out: it expects none."""
    return None if output_text(example.expected_output) else NO_ANSWER


def has_question(messages: Iterable[Chat]) -> bool:
    """Return whether a user asks something in *messages*."""
    return any(message["role"] == "user" for message in messages)


def tools(example: Example) -> list[Chat]:
    """Return the tools that the model could call, in OpenAI's shape."""
    return [tool_definition(tool) for tool in example.tools]


def arguments_of(call: Chat) -> dict[str, Any]:
    """Return the arguments of a tool call as an object; what is none is under ``input``."""
    text = call["function"]["arguments"]
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"input": text}


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
