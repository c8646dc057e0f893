"""Content blocks of Anthropic's messages, some of which others have taken over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .genai import arguments, blob, media

Part = dict[str, Any]


def _source(part: Mapping[str, Any]) -> Part | None:
    source = part.get("source")
    if not isinstance(source, dict):
        return None
    kind = "image" if part.get("type") == "image" else None
    if isinstance(source.get("url"), str):
        return media(source["url"], kind)
    if "data" in source:
        return blob(source["data"], source.get("media_type"), kind)
    if source.get("file_id"):
        return {"type": "file", "modality": kind or "document", "file_id": source["file_id"]}
    return None


def _tool_use(part: Mapping[str, Any]) -> Part:
    new: Part = {"type": "tool_call", "name": part.get("name"), "arguments": arguments(part.get("input"))}
    return {"id": part["id"], **new} if part.get("id") else new


def _tool_result(part: Mapping[str, Any]) -> Part:
    content = part.get("content")
    if isinstance(content, list) and len(content) == 1:
        only = content[0]
        if isinstance(only, dict) and only.get("type") == "text" and isinstance(only.get("text"), str):
            content = only["text"]
    new: Part = {"type": "tool_call_response", "id": part.get("tool_use_id"), "response": content}
    if part.get("is_error"):
        new["is_error"] = True
    return new


def _thinking(part: Mapping[str, Any]) -> Part:
    thought = part.get("thinking") or part.get("content") or ""
    new: Part = {"type": "reasoning", "content": thought if isinstance(thought, str) else _joined(thought)}
    for key in ("signature", "data"):
        if part.get(key):
            new[key] = part[key]
    return new


def _joined(thought: Any) -> Any:
    """Return a thought that is a list of pieces of text, as Mistral's are, as one text; any other as it is."""
    pieces = thought if isinstance(thought, list) else [thought]
    texts = [said for piece in pieces if isinstance(piece, dict) and isinstance(said := piece.get("text"), str)]
    return "".join(texts) if len(texts) == len(pieces) else thought


PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part | None]]] = {
    "image": _source,
    "document": _source,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "thinking": _thinking,
    "redacted_thinking": _thinking,
}
