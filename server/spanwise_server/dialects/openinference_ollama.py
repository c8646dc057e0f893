"""Ollama under OpenInference: thoughts and pictures stand only in the whole answer and the whole request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .base import Draft
from .decode import decoded
from .messages import genai
from .messages.message import Message

SCOPE: Final = "openinference.instrumentation.ollama"
MIME_TYPE: Final = "image/png"
"""Ollama takes bytes without saying what they are; viewers look for themselves."""


def complete(draft: Draft) -> None:
    """Add thoughts to the answer, pictures to the questions and lift the options of the request."""
    answered, asked = _whole(draft, "output.value"), _whole(draft, "input.value")
    said = draft.said.get("output_messages")
    inside = answered.get("message")
    thought = inside.get("thinking") if isinstance(inside, dict) else None
    if said and isinstance(thought, str) and thought:
        (first, *rest) = said
        parts = [{"type": "reasoning", "content": thought}, *first["parts"]]
        draft.said["output_messages"] = ({**first, "parts": parts}, *rest)
    turns, given = draft.said.get("input_messages"), asked.get("messages")
    if turns and isinstance(given, list) and len(given) == len(turns):
        draft.said["input_messages"] = tuple(map(_with_images, turns, given))
    _lift(draft)


def _whole(draft: Draft, key: str) -> Mapping[str, Any]:
    found = draft.attributes.get(key)
    if not isinstance(found, str) or not any(word in found for word in ('"thinking": "', '"images": [')):
        return {}
    whole = decoded(found)
    return whole if isinstance(whole, dict) else {}


def _with_images(turn: Message, given: Any) -> Message:
    images = given.get("images") if isinstance(given, dict) else None
    if not isinstance(images, list):
        return turn
    urls = [f"data:{MIME_TYPE};base64,{image}" for image in images if isinstance(image, str)]
    return {**turn, "parts": [*turn["parts"], *(genai.media(url, "image") for url in urls)]}


def _lift(draft: Draft) -> None:
    params = draft.said.get("params")
    if isinstance(params, dict) and isinstance(options := params.get("options"), dict):
        kept = {name: value for name, value in params.items() if name != "options"}
        named = {"max_tokens" if name == "num_predict" else name: value for name, value in options.items()}
        draft.said["params"] = {**named, **kept}
