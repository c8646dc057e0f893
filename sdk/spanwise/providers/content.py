"""Pieces of content that several providers write alike, as parts of the GenAI message format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..instrument.generation import Part


def text_part(text: Any) -> Part:
    """Return *text* as a part."""
    return {"type": "text", "content": text}


def media_part(url: str, modality: str, mime_type: str | None = None) -> Part:
    """Return what lies at *url*: a ``data:`` URL as its bytes, any other by its address."""
    if url.startswith("data:"):
        head, _, data = url[len("data:") :].partition(",")
        return blob_part(data, modality, head.partition(";")[0] or mime_type)
    return {"type": "uri", "modality": modality, "mime_type": mime_type, "uri": url}


#: How the base64 of pictures begins, and what they are.
_BEGINNINGS: Final = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}


def image_part(data: str) -> Part:
    """Return a picture whose type nobody said, with the type that its first bytes tell."""
    return blob_part(data, "image", next((kind for begin, kind in _BEGINNINGS.items() if data.startswith(begin)), None))


def blob_part(data: str, modality: str, mime_type: str | None) -> Part:
    """Return bytes, written in base64."""
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": data}


def file_part(file_id: str, modality: str = "document", mime_type: str | None = None) -> Part:
    """Return a file that the provider keeps."""
    return {"type": "file", "modality": modality, "mime_type": mime_type, "file_id": file_id}


def plain(value: Any) -> Any:
    """Return a mapping for *value*: itself, or what a client's model object holds."""
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    return dump(exclude_unset=True, warnings=False) if callable(dump) else value


def functions(tools: Any) -> list[dict[str, Any]]:
    """Return tool definitions flat: type, name, description and parameters together."""
    found = []
    for tool in tools if isinstance(tools, Iterable) else ():
        given = plain(tool)
        if not isinstance(given, Mapping):
            continue
        inner = given.get("function")
        flat = {**inner, "type": "function"} if isinstance(inner, Mapping) else dict(given)
        if "input_schema" in flat:
            flat["parameters"] = flat.pop("input_schema")
            flat.setdefault("type", "function")
        found.append(flat)
    return found
