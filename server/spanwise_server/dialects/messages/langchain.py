"""LangChain's messages, as dictionaries or as serialised constructors, as chat messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

ROLES: Final[Mapping[str, str]] = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "HumanMessageChunk": "user",
    "AIMessageChunk": "assistant",
    "SystemMessageChunk": "system",
}
#: Blocks of an answer that its ``tool_calls`` say again.
SAID_AGAIN: Final = ("tool_use", "function_call", "input_json_delta")


def chat_message(value: Any) -> Any:
    """Return a message of LangChain as a chat message, and anything else as it is."""
    if not isinstance(value, dict):
        return value
    inside = value.get("kwargs")
    said = inside if value.get("type") == "constructor" and isinstance(inside, dict) else value
    kind = said.get("type")
    if not isinstance(kind, str) or kind not in ROLES or "content" not in said or "role" in said:
        return value
    new: dict[str, Any] = {"role": ROLES[kind], "content": _content(said)}
    for key in ("tool_calls", "tool_call_id", "name"):
        if said.get(key):
            new[key] = said[key]
    if reason := _finish(said.get("response_metadata")):
        new["finish_reason"] = reason
    return new


def tool_arguments(value: Any) -> Any:
    """Return what a tool was given where *value* is a callback's whole account of its start, else *value*."""
    return value["inputs"] if isinstance(value, dict) and "input_str" in value and "inputs" in value else value


def tool_result(value: Any) -> tuple[Any, str | None]:
    """Return what a tool gave back, and the call it answers, where *value* is a message of a tool; else *value*."""
    said = value
    for key in ("output", "kwargs", "data"):
        if isinstance(said, dict) and isinstance(said.get(key), dict) and "tool_call_id" not in said:
            said = said[key]
    if not isinstance(said, dict) or said.get("type") != "tool" or "content" not in said:
        return value, None
    call_id = said.get("tool_call_id")
    return said["content"], call_id if isinstance(call_id, str) else None


def _content(said: Mapping[str, Any]) -> Any:
    content = said["content"]
    if not isinstance(content, list) or not said.get("tool_calls"):
        return content
    return [part for part in content if not (isinstance(part, dict) and part.get("type") in SAID_AGAIN)]


def _finish(metadata: Any) -> Any:
    if not isinstance(metadata, dict):
        return None
    return metadata.get("finish_reason") or metadata.get("stop_reason")
