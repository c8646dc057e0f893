"""GenAI parts as OpenTelemetry writes them, older spellings brought up to date."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import orjson

from ...odd_numbers import in_words, is_odd
from ..decode import decoded

Part = dict[str, Any]
#: What decoding puts before bytes, which it keeps as text.
BYTES_MARK: Final = "base64:"
#: What Langfuse, MLflow, Haystack, Strands and ADK leave of media that they send elsewhere or nowhere.
ELSEWHERE: Final = re.compile(
    r"@@@langfuseMedia:type=(?P<langfuse>[^|]*)\||mlflow-attachment://[^?]*\?(?:.*&)?content_type=(?P<mlflow>[^&]*)"
    r"|Base64 string \(\d+ characters\)$|<replaced>$|<not serializable>$"
)


def as_text(value: Any) -> str:
    """Return text as it is and anything else as compact JSON."""
    if isinstance(value, str):
        return value
    try:
        said = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
        if b"null" in said and is_odd(value):  # which it writes so
            said = orjson.dumps(in_words(value), default=str, option=orjson.OPT_NON_STR_KEYS)
        return said.decode()
    except (TypeError, ValueError):
        return str(value)


def text(content: str) -> Part:
    """Return a text part, marked where it is JSON that was cut off by an attribute limit."""
    if content[:2] in ("[{", '{"') and content[-1] not in "]}" and decoded(content) is content:
        return {"type": "text", "content": content, "truncated": True}
    return {"type": "text", "content": content}


def arguments(value: Any) -> Any:
    """Return a tool call's arguments as an object where their JSON is one, else unchanged."""
    found = decoded(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {} if value == "{}" else value


def modality(mime_type: Any) -> str:
    """Return what a MIME type holds: image, audio, video or document."""
    family = mime_type.partition("/")[0] if isinstance(mime_type, str) else ""
    return family if family in ("image", "audio", "video") else "document"


def media(url: str, kind: str | None = None, **more: Any) -> Part:
    """Return a blob for a ``data:`` URL and a uri for any other."""
    more = {key: value for key, value in more.items() if value is not None}
    if url.startswith("data:"):
        head, _, content = url[5:].partition(",")
        mime_type = head.partition(";")[0] or None
        part = blob(content, mime_type, kind)
        part.update(more)
        return part
    if (found := ELSEWHERE.match(url)) is not None:
        return {**_elsewhere(found, None, kind), **more}
    return {"type": "uri", "modality": kind or "document", "uri": url, **more}


def blob(content: Any, mime_type: Any, kind: str | None = None) -> Part:
    """Return inline content, base64 as it came."""
    if isinstance(content, str) and (found := ELSEWHERE.match(content)) is not None:
        return _elsewhere(found, mime_type, kind)
    part: Part = {"type": "blob", "modality": kind or modality(mime_type), "content": content}
    if mime_type:
        part["mime_type"] = mime_type
    return part


def _elsewhere(found: re.Match[str], mime_type: Any, kind: str | None) -> Part:
    """Return a file by the name that stands where its content stood."""
    mime_type = found["langfuse"] or unquote(found["mlflow"] or "") or mime_type
    part: Part = {"type": "file", "modality": kind or modality(mime_type), "file_id": found.string}
    return {**part, "mime_type": mime_type} if mime_type else part


def _text(part: Mapping[str, Any]) -> Part | None:
    return dict(part) if isinstance(part.get("content"), str) else None


def _reasoning(part: Mapping[str, Any]) -> Part | None:
    """Return a thought, also one that is JSON of OpenAI's list of summaries."""
    listed = decoded(part.get("content"))
    if not isinstance(listed, list):
        return _text(part)
    texts = [said for item in listed if isinstance(item, dict) and isinstance(said := item.get("text"), str)]
    if not texts or len(texts) < len(listed):
        return _text(part)
    return {**part, "content": "\n\n".join(texts)}


def _tool_call(part: Mapping[str, Any]) -> Part | None:
    if "name" not in part:
        return None
    new = dict(part)
    if "arguments" not in new and "args" in new:
        new["arguments"] = new.pop("args")
    if isinstance(new.get("arguments"), str):
        new["arguments"] = arguments(new["arguments"])
    return _named(new)


def _tool_response(part: Mapping[str, Any]) -> Part:
    new = dict(part)
    if "response" not in new and "result" in new:
        new["response"] = new.pop("result")
    return _named(new)


def _named(part: Part) -> Part:
    """Return a part without an empty id: Gemini names no calls."""
    if part.get("id") == "":
        del part["id"]
    return part


def _media(part: Mapping[str, Any]) -> Part | None:
    if "content" not in part and isinstance(part.get("data"), str):  # as the Gemini API calls it
        return blob(part["data"], part.get("mime_type"))
    if "content" not in part and "uri" not in part and "file_id" not in part:
        return None
    new = dict(part)
    if "mime_type" not in new and "media_type" in new:
        new["mime_type"] = new.pop("media_type")
    if new.get("mime_type", "") is None:
        del new["mime_type"]
    uri = new.get("uri", new.get("content"))
    if isinstance(uri, str) and uri.startswith(BYTES_MARK) and "content" in new:
        new["content"] = uri.removeprefix(BYTES_MARK)
    if isinstance(uri, str) and uri.startswith("data:"):
        new.pop("uri", None)
        new.pop("content", None)
        mime_type = new.pop("mime_type", None)
        inline = media(uri, new.get("modality"))
        return {**new, **({"mime_type": mime_type} if mime_type else {}), **inline}
    return new


def _address(part: Mapping[str, Any]) -> Part | None:
    """Return what Pydantic AI calls ``image-url``, ``audio-url`` and so on."""
    kind = str(part["type"]).partition("-")[0]
    return media(part["url"], kind) if isinstance(part.get("url"), str) else None


def _binary(part: Mapping[str, Any]) -> Part | None:
    """Return Pydantic AI's inline content."""
    return blob(part["content"], part.get("media_type")) if "content" in part else None


PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part | None]]] = {
    "text": _text,
    "reasoning": _reasoning,
    "tool_call": _tool_call,
    "tool_call_response": _tool_response,
    "blob": _media,
    "uri": _media,
    "file": _media,
    "image-url": _address,
    "audio-url": _address,
    "video-url": _address,
    "document-url": _address,
    "binary": _binary,
}
