"""One part of a message, whichever library wrote it, as a GenAI part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..decode import decoded
from . import anthropic, gemini, genai, openai

Part = dict[str, Any]
Convert = Callable[[Mapping[str, Any]], Part | None]

#: Converters by the part's ``type``; one that does not know the part returns ``None`` and the next is asked.
BY_TYPE: Final[Mapping[str, tuple[Convert, ...]]] = {
    name: tuple(module.PARTS[name] for module in (genai, openai, anthropic, gemini) if name in module.PARTS)
    for name in (*genai.PARTS, *openai.PARTS, *anthropic.PARTS, *gemini.PARTS)
}


def part(value: Any) -> Part:
    """Return *value* as one GenAI part; what is not known is kept as it is."""
    if isinstance(value, str):
        return {"type": "text", "content": value}
    if not isinstance(value, dict):
        return {"type": "text", "content": genai.as_text(value)}
    kind = value.get("type")
    if not isinstance(kind, str):
        return _without_type(value)
    for convert in BY_TYPE.get(kind, ()):
        if (found := convert(value)) is not None:
            return found
    return dict(value)


def parts(value: Any) -> list[Part]:
    """Return *value*, one part or a list of them or text or JSON of either, as GenAI parts."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        inside = decoded(value)
        if _looks_like_parts(inside):
            return [part(item) for item in inside]
        return [genai.text(value)]
    if isinstance(value, (list, tuple)):
        return [part(item) for item in value]
    return [part(value)]


def _looks_like_parts(value: Any) -> bool:
    """Say whether JSON text is a list of parts rather than text that happens to be JSON."""
    if not isinstance(value, list) or not value:
        return False
    return all(
        isinstance(item, dict) and (item.get("type") in BY_TYPE or any(key in item for key in gemini.KEYS))
        for item in value
    )


def _without_type(value: dict[str, Any]) -> Part:
    for key, convert in gemini.KEYS.items():
        if key in value:
            return convert(value)
    return {**value, "type": "unknown"}
