"""Parts of OpenAI's chat messages and of the items of its Responses API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .genai import arguments, as_text, blob, media, modality

Part = dict[str, Any]


def _text(part: Mapping[str, Any]) -> Part | None:
    text = part.get("text")
    if isinstance(text, dict):
        text = text.get("value")
    return {"type": "text", "content": text} if isinstance(text, str) else None


def _refusal(part: Mapping[str, Any]) -> Part:
    return {"type": "refusal", "content": part.get("refusal") or part.get("content") or ""}


def _image(part: Mapping[str, Any]) -> Part | None:
    image = part.get("image_url", part.get("image"))
    detail = part.get("detail")
    if isinstance(image, dict):
        detail = image.get("detail", detail)
        image = image.get("url")
    if isinstance(image, str):
        return media(image, "image", detail=detail)
    return _file_id(part.get("file_id"), "image")


def _audio(part: Mapping[str, Any]) -> Part | None:
    audio = part.get("input_audio", part.get("audio"))
    if not isinstance(audio, dict):
        return None
    if "data" in audio:
        format_name = audio.get("format")
        return blob(audio["data"], f"audio/{format_name}" if format_name else None, "audio")
    return _file_id(audio.get("id"), "audio")


def _file(part: Mapping[str, Any]) -> Part | None:
    inside = part.get("file")
    file = inside if isinstance(inside, dict) else part
    name = file.get("filename")
    data = file.get("file_data")
    if isinstance(data, str):
        return media(data, None, name=name) if data.startswith("data:") else blob(data, None)
    url = file.get("file_url")
    return media(url, None, name=name) if isinstance(url, str) else _file_id(file.get("file_id"), modality(None))


def _file_id(file_id: Any, kind: str) -> Part | None:
    return {"type": "file", "modality": kind, "file_id": file_id} if file_id else None


def _reasoning(part: Mapping[str, Any]) -> Part | None:
    summary = part.get("summary") or part.get("content") or part.get("reasoning") or part.get("text")
    if isinstance(summary, list):
        texts = [item.get("text", "") if isinstance(item, dict) else item for item in summary]
        summary = "\n\n".join(as_text(text) for text in texts)
    if not isinstance(summary, str) and "encrypted_content" not in part:
        return None
    new: Part = {"type": "reasoning", "content": summary if isinstance(summary, str) else ""}
    for key in ("id", "encrypted_content", "signature"):
        if part.get(key):
            new[key] = part[key]
    return new


def _function_call(part: Mapping[str, Any]) -> Part:
    function = part.get("function")
    inside = function if isinstance(function, dict) else part
    said = inside.get("arguments", inside.get("input", inside.get("args")))
    new: Part = {"type": "tool_call", "name": inside.get("name"), "arguments": arguments(said)}
    call_id = part.get("call_id") or part.get("id")
    return {"id": call_id, **new} if call_id else new


def _function_output(part: Mapping[str, Any]) -> Part:
    return {"type": "tool_call_response", "id": part.get("call_id"), "response": part.get("output")}


tool_call = _function_call
PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part | None]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "summary_text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_image": _image,
    "image": _image,
    "input_audio": _audio,
    "audio": _audio,
    "file": _file,
    "input_file": _file,
    "reasoning": _reasoning,
    "function": _function_call,
    "function_call": _function_call,
    "custom_tool_call": _function_call,
    "function_call_output": _function_output,
    "custom_tool_call_output": _function_output,
}
#: Items of the Responses API that stand beside messages, and the role each belongs to.
ITEM_ROLES: Final[Mapping[str, str]] = {
    "function_call": "assistant",
    "custom_tool_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
    "custom_tool_call_output": "tool",
}
