"""What a list shows of a span: the last thing asked and what was answered, in a line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..record import Reading
from .messages.genai import as_text

LENGTH: Final = 200
#: How much of a long text is looked at: enough to fill a line even where it is mostly blank.
LOOKED_AT: Final = 2_000
#: Looked at first: nearly always enough for a line, and splitting a text takes as long as the text is.
FIRST_LOOKED_AT: Final = 240


def preview(reading: Reading) -> tuple[str | None, str | None]:
    """Return input and output in one line of at most 200 characters each; ``None`` where nothing was said."""
    asked = _asked(reading.input_messages) if reading.input_messages else None
    answered = _answered(reading.output_messages) if reading.output_messages else None
    tool = reading.tool
    if asked is None:
        asked = _line(_alone(reading.input if reading.input is not None else tool.arguments if tool else None))
    if answered is None:
        answered = _line(reading.output if reading.output is not None else tool.result if tool else None)
    return asked, answered


def extents(reading: Reading) -> tuple[str | None, str | None]:
    """Return how much the previews are made from: what tells most from others, at little of what making them takes."""
    tool = reading.tool
    asked = reading.input if reading.input is not None else tool.arguments if tool else None
    answered = reading.output if reading.output is not None else tool.result if tool else None
    return _extent(reading.input_messages, asked), _extent(reading.output_messages, answered)


def _extent(messages: Sequence[Mapping[str, Any]] | None, value: Any) -> str | None:
    if messages:
        last = messages[-1].get("parts")
        first = last[0].get("content") if isinstance(last, list) and last and isinstance(last[0], dict) else None
        return f"{len(messages)}.{len(last) if isinstance(last, list) else 0}.{_length(first)}"
    return None if value is None else f"{_length(value)}."


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, dict, tuple)) else 0


def _asked(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the last text of a user, else the last text of anyone, else the last part of all."""
    for message in reversed(messages):
        if message.get("role") == "user" and (found := _texts(message)):
            return found
    for message in reversed(messages):
        if found := _texts(message):
            return found
    return _others(messages[-1])


def _answered(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first text answered, else the tools called."""
    for message in messages:
        if found := _texts(message):
            return found
    return next((found for message in messages if (found := _others(message))), None)


def _parts(message: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    found = message.get("parts")
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, (list, tuple)) else []


def _texts(message: Mapping[str, Any]) -> str | None:
    texts = [
        part["content"][:LOOKED_AT]
        for part in _parts(message)
        if part.get("type") in ("text", "refusal") and isinstance(part.get("content"), str)
    ]
    return _line(" ".join(texts)) if texts else None


def _others(message: Mapping[str, Any]) -> str | None:
    return _line(" ".join(_other(part) for part in _parts(message)))


def _other(part: Mapping[str, Any]) -> str:
    kind = part.get("type")
    if kind == "tool_call":
        said = part.get("arguments")
        return f"{part.get('name')}({'' if said is None else as_text(said)[:LOOKED_AT]})"
    if kind == "tool_call_response":
        return as_text(part.get("response"))[:LOOKED_AT]
    if kind == "reasoning":
        return as_text(part.get("content") or "")[:LOOKED_AT]
    return f"[{part.get('modality') or kind}]"


def _alone(arguments: Any) -> Any:
    """Return the one text that a function was called with, as it is, where it was called with nothing else."""
    if isinstance(arguments, Mapping) and len(arguments) == 1:
        value = next(iter(arguments.values()))
        return value if isinstance(value, str) else arguments
    return arguments


def _line(value: Any) -> str | None:
    if value is None:
        return None
    text = as_text(value)
    head = text[:FIRST_LOOKED_AT]
    # What can be printed has no blank but the plain one: where no two of these meet there is nothing to join.
    line = head.strip() if head.isprintable() and "  " not in head else " ".join(head.split())
    if len(line) <= LENGTH and len(text) > FIRST_LOOKED_AT:
        line = " ".join(text[:LOOKED_AT].split())
    return (line if len(line) <= LENGTH else f"{line[: LENGTH - 1]}…") or None
