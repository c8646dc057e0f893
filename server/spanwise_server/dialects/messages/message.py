"""Whole messages, whichever library wrote them, as GenAI messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..decode import decoded
from . import gemini, genai, openai
from .parts import part, parts

Message = dict[str, Any]
FINISH: Final[dict[str, str]] = {
    "tool_calls": "tool_call",
    "tool-calls": "tool_call",
    "content-filter": "content_filter",
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "tool_call",
}
#: The role that OpenLLMetry gives to the pieces of a stream.
UNKNOWN: Final = "unknown"
EMPTY_TEXT: Final = {"type": "text", "content": ""}
#: Part types that need no look inside as long as their content is text.
PLAIN: Final = frozenset({"text", "reasoning"})


def messages(value: Any, role: str) -> tuple[Message, ...]:
    """Return *value* as messages; *role* is that of messages which do not say theirs."""
    value = decoded(value)
    if value is None or value in ({}, [], ()):
        return ()
    if isinstance(value, dict):
        return _request(value, role) or (message(value, role),)
    if isinstance(value, (list, tuple)):
        return tuple(message(decoded(item), role) for item in value if item is not None)
    return ({"role": role, "parts": parts(value)},)


def message(value: Any, role: str) -> Message:
    """Return one message as a GenAI message."""
    if not isinstance(value, dict):
        return {"role": role, "parts": parts(value)}
    inside = value.get("message")
    if isinstance(inside, dict) and "parts" not in value and "content" not in value:
        return _choice(value, inside, role)
    if "parts" in value:
        return _with_parts(value, role)
    kind = value.get("type")
    if isinstance(kind, str) and kind in openai.ITEM_ROLES and not value.get("role"):
        return {"role": openai.ITEM_ROLES[kind], "parts": [part(value)]}
    if "content" in value or "tool_calls" in value or "role" in value:
        return _with_content(value, role)
    return {"role": role, "parts": [part(value)]}


def system(value: Any) -> Message | None:
    """Return system instructions, text or a list of parts, as a message."""
    found = parts(decoded(value))
    if len(found) == 1 and found[0].get("role") and isinstance(found[0].get("parts"), list):
        return found[0]
    return {"role": "system", "parts": found} if found else None


def finish(reason: Any) -> str | None:
    """Return a finish reason in today's spelling."""
    return FINISH.get(reason, reason) if isinstance(reason, str) and reason else None


def _request(value: Mapping[str, Any], role: str) -> tuple[Message, ...]:
    """Return the messages of a whole request body, or none where *value* is not one."""
    listed = next((value[key] for key in ("messages", "contents") if isinstance(value.get(key), list)), None)
    if listed is None:
        return ()
    found = tuple(message(item, role) for item in listed)
    told = value.get("system", value.get("system_instruction"))
    if isinstance(told, dict) and "parts" in told:
        told = told["parts"]
    first = system(told)
    return (first, *found) if first else found


def _choice(value: Mapping[str, Any], inside: Mapping[str, Any], role: str) -> Message:
    outer = {key: value[key] for key in ("tool_calls", "finish_reason") if key in value}
    return message({**outer, **inside}, role)


def _role(value: Mapping[str, Any], role: str) -> str:
    kind = value.get("type")
    said = value.get("role") or (kind if isinstance(kind, str) and kind in gemini.ROLES else None)
    return gemini.ROLES.get(said, said) if isinstance(said, str) and said and said != UNKNOWN else role


def _with_parts(value: Mapping[str, Any], role: str) -> Message:
    listed = value["parts"]
    if isinstance(listed, (list, tuple)):
        found = [item if _is_plain(item) else part(item) for item in listed]
        if len(found) > 1 and EMPTY_TEXT in found:  # said beside a tool call by those who always say a text
            found = [item for item in found if item != EMPTY_TEXT]
    else:
        found = parts(listed)
    said = {key: inside for key, inside in value.items() if inside is not None}
    return _finished({**said, "role": _role(value, role), "parts": found})


def _is_plain(item: Any) -> bool:
    if not (isinstance(item, dict) and item.get("type") in PLAIN and type(content := item.get("content")) is str):
        return False
    return item["type"] == "text" or not content.startswith("[{")


def _with_content(value: Mapping[str, Any], role: str) -> Message:
    said = _role(value, role)
    content = value.get("content")
    call_id = value.get("tool_call_id")
    found: list[dict[str, Any]] = []
    if reasoning := value.get("reasoning_content", value.get("reasoning")):
        found.append({"type": "reasoning", "content": genai.as_text(reasoning)})
    if call_id or said in ("tool", "function"):
        found.extend(_tool_results(call_id or value.get("id"), content))
    else:
        found.extend(parts(content))
    if refusal := value.get("refusal"):
        found.append({"type": "refusal", "content": genai.as_text(refusal)})
    calls = decoded(value.get("tool_calls"))
    if isinstance(calls, list):
        found.extend(_not_said(found, calls))
    if isinstance(call := value.get("function_call"), dict):
        found.append(openai.tool_call(call))
    new: Message = {"role": said, "parts": found}
    for key in ("name", "finish_reason"):
        if value.get(key):
            new[key] = value[key]
    return _finished(new)


def _not_said(found: list[dict[str, Any]], calls: list[Any]) -> list[dict[str, Any]]:
    """Return the calls that the content did not hold already, as LangChain's messages of Anthropic's models do."""
    known = {item.get("id") for item in found if item.get("type") == "tool_call"} - {None}
    made = (openai.tool_call(call) for call in calls if isinstance(call, dict))
    return [call for call in made if call.get("id") not in known]


def _tool_results(call_id: Any, content: Any) -> list[dict[str, Any]]:
    """Return what a tool answered as parts, unless the content says so itself."""
    inside = decoded(content)
    if isinstance(inside, list) and inside:
        found = parts(inside)
        if all(item.get("type") == "tool_call_response" for item in found):
            return found
        if len(found) == 1 and found[0].get("type") == "text":
            content = found[0]["content"]
    answer: dict[str, Any] = {"type": "tool_call_response", "response": content}
    return [{**answer, "id": call_id} if call_id else answer]


def _finished(new: Message) -> Message:
    reason = new.get("finish_reason")
    if reason is not None:
        new["finish_reason"] = FINISH.get(reason, reason) if isinstance(reason, str) else reason
    return new
