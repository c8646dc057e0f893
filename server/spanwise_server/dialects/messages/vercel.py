"""Messages of Vercel's AI SDK, whose parts are spelled ``tool-call``, ``tool-result`` and ``file``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..decode import decoded
from .genai import arguments, blob, media
from .message import Message, message, system
from .parts import part

Part = dict[str, Any]


def conversation(value: Any) -> tuple[Message, ...]:
    """Return a list of messages, or ``{"system", "prompt" | "messages"}``, as messages."""
    value = decoded(value)
    if isinstance(value, dict):
        given = value.get("messages", value.get("prompt"))
        told = value.get("system", value.get("instructions"))
        first = system(told) if isinstance(told, str) else None
        found = conversation(given)
        return (first, *found) if first else found
    if isinstance(value, str):
        return (message({"role": "user", "content": value}, "user"),)
    if not isinstance(value, list):
        return ()
    return tuple(_message(item) for item in value if isinstance(item, dict))


def answer(
    text: Any = None, reasoning: Any = None, calls: Any = None, files: Any = None, reason: Any = None
) -> tuple[Message, ...]:
    """Return the message that an answer's members make together, or none where they say nothing."""
    parts: list[Part] = []
    if isinstance(reasoning, list):
        parts += [part({"type": "reasoning", **item}) for item in reasoning if isinstance(item, dict)]
    elif isinstance(reasoning, str) and reasoning:
        parts.append({"type": "reasoning", "content": reasoning})
    if isinstance(text, str) and text:
        parts.append({"type": "text", "content": text})
    parts += [_call(item) for item in _listed(calls) if isinstance(item, dict)]
    parts += [_file(item) for item in _listed(files) if isinstance(item, dict)]
    if not parts:
        return ()
    ended = {"finish_reason": reason} if isinstance(reason, str) and reason else {}
    return (message({"role": "assistant", "parts": parts, **ended}, "assistant"),)


def _listed(value: Any) -> list[Any]:
    found = decoded(value)
    return found if isinstance(found, list) else []


def _message(item: Mapping[str, Any]) -> Message:
    content = decoded(item.get("content"))
    if not isinstance(content, list):
        return message(item, "user")
    return message({"role": item.get("role"), "parts": [_part(each) for each in content]}, "user")


def _part(value: Any) -> Part:
    convert = PARTS.get(value["type"]) if isinstance(value, dict) and isinstance(value.get("type"), str) else None
    return convert(value) if convert is not None else part(value)


def _call(value: Mapping[str, Any]) -> Part:
    said = value.get("input", value.get("args", value.get("arguments")))
    new: Part = {"type": "tool_call", "name": value.get("toolName"), "arguments": arguments(said)}
    return {"id": value["toolCallId"], **new} if value.get("toolCallId") else new


def _result(value: Mapping[str, Any]) -> Part:
    output = value.get("output", value.get("result"))
    if isinstance(output, dict) and "value" in output and isinstance(output.get("type"), str):
        output = output["value"]
    new: Part = {"type": "tool_call_response", "id": value.get("toolCallId"), "response": output}
    return {**new, "name": value["toolName"]} if value.get("toolName") else new


def _file(value: Mapping[str, Any]) -> Part:
    data = value.get("data", value.get("image", value.get("base64")))
    if isinstance(data, dict) and isinstance(inside := data.get("url", data.get("data")), str):
        data = inside
    mime_type = value.get("mediaType", value.get("mimeType"))
    kind = "image" if value.get("type") == "image" or mime_type == "image" else None
    if isinstance(data, str) and ":" in data[:10]:
        return media(data, kind, **({"mime_type": mime_type} if mime_type and not data.startswith("data:") else {}))
    return blob(data, mime_type, kind)


PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part]]] = {
    "tool-call": _call,
    "tool-result": _result,
    "tool-error": _result,
    "file": _file,
    "image": _file,
}
