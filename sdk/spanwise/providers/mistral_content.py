"""Messages, parts of them and settings in the words of Mistral's client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..instrument.generation import Message, Part, tool_call_part
from .content import blob_part, media_part, text_part

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "random_seed": v.REQUEST_SEED,
    "presence_penalty": v.REQUEST_PRESENCE_PENALTY,
    "frequency_penalty": v.REQUEST_FREQUENCY_PENALTY,
    "stream": v.REQUEST_STREAM,
    "n": v.REQUEST_CHOICE_COUNT,
}


def read_message(given: Any) -> Message:
    """Return a message, or what a tool gave."""
    message = plain_value(given)
    role, content = message.get("role") or "user", message.get("content")
    if role == "tool":
        text = content if content is None or isinstance(content, str) else [read_part(piece) for piece in content]
        return {"role": role, "parts": [
            {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": text}
        ]}  # fmt: skip
    parts = [read_part(piece) for piece in ([content] if isinstance(content, str) else content or ())]
    for call in message.get("tool_calls") or ():
        told = plain_value(call)
        function = plain_value(told["function"])
        parts.append(tool_call_part(told.get("id"), function.get("name"), function.get("arguments")))
    return {"role": role, "parts": parts}


def read_part(given: Any) -> Part:
    """Return one part of a message."""
    part = plain_value(given)
    if not isinstance(part, Mapping):
        return text_part(part)
    kind = str(part.get("type"))
    if part.get("is_unknown") and isinstance(part.get("raw"), Mapping):  # to this client, which keeps it as it came
        return read_part(part["raw"])
    read = _KINDS.get(kind)
    return {**part, "type": kind} if read is None else read(part)


def _thoughts(part: Mapping[str, Any]) -> Part:
    pieces = [plain_value(piece) for piece in part.get("thinking") or ()]
    return {"type": "reasoning", "content": "".join(str(piece.get("text") or "") for piece in pieces)}


def _image(part: Mapping[str, Any]) -> Part:
    image = part.get("image_url")
    return media_part(str(image.get("url") if isinstance(image, Mapping) else image), "image")


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part]]] = {
    "text": lambda part: text_part(part.get("text")),
    "thinking": _thoughts,
    "image_url": _image,
    "document_url": lambda part: media_part(str(part.get("document_url")), "document"),
    "input_audio": lambda part: blob_part(str(part.get("input_audio")), "audio", None),
}


def plain_value(value: Any) -> Any:
    """Return a mapping for *value*; unlike elsewhere with what has its default, such as the type of a chunk."""
    dump = None if isinstance(value, Mapping) else getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else value
