"""The flattened lists of OpenInference: messages, documents, tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .base import Draft
from .decode import decoded, unflattened
from .messages import genai
from .messages.message import Message
from .messages.parts import part
from .messages.tools import tool_definition

Part = dict[str, Any]
#: Prefix of each flattened list, and the word between an index and a field.
WORDS: Final[Mapping[str, str]] = {
    "llm.input_messages.": "message",
    "llm.output_messages.": "message",
    "llm.prompts.": "prompt",
    "llm.choices.": "completion",
    "llm.tools.": "tool",
    "retrieval.documents.": "document",
    "reranker.output_documents.": "document",
    "reranker.input_documents.": "document",
}


def flattened(draft: Draft) -> dict[str, list[dict[str, Any]]]:
    """Return the objects of every flattened list on the span, by the list's prefix."""
    found = unflattened(draft.attributes, *WORDS)
    return {prefix: _unwrapped(items, WORDS[prefix]) for prefix, items in found.items()}


def messages(items: list[dict[str, Any]], role: str) -> tuple[Message, ...]:
    """Return flattened messages as GenAI messages."""
    return tuple(_message(item, role) for item in items)


def texts(items: list[dict[str, Any]], role: str) -> tuple[Message, ...]:
    """Return prompts or completions that are bare text as messages."""
    found = [item.get("text") for item in items]
    return tuple({"role": role, "parts": [genai.text(text)]} for text in found if isinstance(text, str))


def documents(items: list[dict[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return documents with their metadata as an object."""
    return tuple({**item, "metadata": decoded(item["metadata"])} if "metadata" in item else item for item in items)


def tool_definitions(items: list[dict[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return the tools offered to the model, each ``{"type", "name", "description"?, "parameters"?}``."""
    schemas = [decoded(item.get("json_schema")) for item in items]
    return tuple(tool_definition(schema) for schema in schemas if isinstance(schema, dict))


def _unwrapped(items: list[Any], word: str) -> list[dict[str, Any]]:
    inside = [item.get(word, item) for item in items if isinstance(item, dict)]
    return [item for item in inside if isinstance(item, dict)]


def _listed(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _message(item: Mapping[str, Any], role: str) -> Message:
    said = item.get("role")
    said = said if isinstance(said, str) and said else role
    parts: list[Part] = []
    content, listed = item.get("content"), _listed(item.get("contents"))
    if content is not None and content != "" and not any(_text_of(raw) == content for raw in listed):
        parts.extend(_plain(item, said, content))
    for raw in listed:
        if isinstance(call := raw.get("tool_call"), dict):
            parts.append(_call(call))
        elif isinstance(inside := raw.get("message_content", raw), dict) and inside.get("text") != "":
            parts.append(_content(inside))
    parts.extend(call for call in _calls(item) if call not in parts)  # some list their calls in both places
    message: Message = {"role": said, "parts": parts}
    for key in ("name", "finish_reason"):
        if item.get(key):
            message[key] = item[key]
    return message


def with_parts(turn: Message) -> Message:
    """Return a message whose only text is JSON of a list of parts, as DSPy's are, with those parts."""
    parts = turn["parts"]
    listed = decoded(parts[0].get("content")) if len(parts) == 1 and parts[0]["type"] == "text" else None
    if not isinstance(listed, list) or not all(isinstance(item, dict) and "type" in item for item in listed):
        return turn
    return {**turn, "parts": [part(item) for item in listed]}


def _text_of(raw: Mapping[str, Any]) -> Any:
    inside = raw.get("message_content", raw)
    return inside.get("text") if isinstance(inside, dict) else None


def _plain(item: Mapping[str, Any], role: str, content: Any) -> list[Part]:
    call_id = item.get("tool_call_id")
    if call_id or role in ("tool", "function"):
        answer: Part = {"type": "tool_call_response", "response": content}
        return [{**answer, "id": call_id} if call_id else answer]
    return [genai.text(content if isinstance(content, str) else genai.as_text(content))]


def _calls(item: Mapping[str, Any]) -> list[Part]:
    found = []
    for raw in _listed(item.get("tool_calls")):
        call = raw.get("tool_call", raw)
        if isinstance(call, dict):
            found.append(_call(call))
    if name := item.get("function_call_name"):
        said = genai.arguments(item.get("function_call_arguments_json"))
        found.append({"type": "tool_call", "name": name, "arguments": said})
    return found


def _call(call: Mapping[str, Any]) -> Part:
    function = call.get("function")
    inside = function if isinstance(function, dict) else {}
    new: Part = {
        "type": "tool_call",
        "name": inside.get("name"),
        "arguments": genai.arguments(inside.get("arguments")),
    }
    return {"id": call["id"], **new} if call.get("id") else new


def _content(content: Mapping[str, Any]) -> Part:
    kind = content.get("type")
    if kind in (None, "text") and isinstance(content.get("text"), str):
        return {"type": "text", "content": content["text"]}
    if kind == "reasoning":
        new: Part = {"type": "reasoning", "content": content.get("text") or ""}
        return new | {key: content[key] for key in ("id", "signature", "data", "encrypted_content") if content.get(key)}
    url = _url(content)
    if url is not None:
        return genai.media(url, kind if isinstance(kind, str) else None)
    return part(dict(content))


def _url(content: Mapping[str, Any]) -> str | None:
    for word in ("image", "audio", "file"):
        inside: Any = content.get(word)
        for _ in range(2):
            if isinstance(inside, dict):
                inside = inside.get(word, inside.get("url"))
        if isinstance(inside, dict):
            inside = inside.get("url")
        if isinstance(inside, str):
            return inside
    return None
