"""Parts that say what they are by their key instead of a type: Gemini's, and those of Bedrock's Converse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .genai import arguments, blob, media

Part = dict[str, Any]


def _inside(part: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        if isinstance(found := part.get(key), dict):
            return found
    return {}


def _text(part: Mapping[str, Any]) -> Part:
    new: Part = {"type": "reasoning" if part.get("thought") is True else "text", "content": part["text"]}
    if signature := part.get("thought_signature", part.get("thoughtSignature")):
        new["signature"] = signature
    return new


def _inline(part: Mapping[str, Any]) -> Part:
    data = _inside(part, "inline_data", "inlineData")
    return blob(data.get("data"), data.get("mime_type", data.get("mimeType")))


def _file(part: Mapping[str, Any]) -> Part:
    data = _inside(part, "file_data", "fileData")
    uri = data.get("file_uri", data.get("fileUri"))
    return media(uri if isinstance(uri, str) else "", None, mime_type=data.get("mime_type", data.get("mimeType")))


def _call(part: Mapping[str, Any]) -> Part:
    call = _inside(part, "function_call", "functionCall", "toolUse")
    said = call.get("args", call.get("input", call.get("arguments")))
    new: Part = {"type": "tool_call", "name": call.get("name"), "arguments": arguments(said)}
    call_id = call.get("id") or call.get("toolUseId")
    return {"id": call_id, **new} if call_id else new


def _response(part: Mapping[str, Any]) -> Part:
    answer = _inside(part, "function_response", "functionResponse", "toolResult")
    new: Part = {"type": "tool_call_response", "response": answer.get("response", answer.get("content"))}
    for key, sent in (("id", answer.get("id") or answer.get("toolUseId")), ("name", answer.get("name"))):
        if sent:
            new[key] = sent
    return new


def _reasoning(part: Mapping[str, Any]) -> Part:
    inside = _inside(_inside(part, "reasoningContent"), "reasoningText")
    new: Part = {"type": "reasoning", "content": inside.get("text") or ""}
    if inside.get("signature"):
        new["signature"] = inside["signature"]
    return new


def _image(part: Mapping[str, Any]) -> Part:
    image = _inside(part, "image", "document", "video")
    kind = next(key for key in ("image", "document", "video") if key in part)
    form = image.get("format")
    source = _inside(image, "source")
    mime_type = f"{'application' if kind == 'document' else kind}/{form}" if form else None
    return blob(source.get("bytes", source), mime_type, kind)


#: Converters by the key that gives a part away, the likeliest first.
KEYS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part]]] = {
    "text": _text,
    "function_call": _call,
    "functionCall": _call,
    "toolUse": _call,
    "function_response": _response,
    "functionResponse": _response,
    "toolResult": _response,
    "inline_data": _inline,
    "inlineData": _inline,
    "file_data": _file,
    "fileData": _file,
    "reasoningContent": _reasoning,
    "image": _image,
    "document": _image,
    "video": _image,
}


def _named(part: Mapping[str, Any]) -> Part | None:
    """Return a part that Strands names by the member that holds it in the Converse API."""
    kind, inside = part["type"], part.get("content")
    return KEYS[kind]({kind: inside}) if isinstance(inside, dict) else None


PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part | None]]] = dict.fromkeys(
    ("reasoningContent", "image", "document", "video"), _named
)
#: Gemini's and LangChain's words for the roles that everybody else calls otherwise.
ROLES: Final[Mapping[str, str]] = {"model": "assistant", "human": "user", "ai": "assistant"}
