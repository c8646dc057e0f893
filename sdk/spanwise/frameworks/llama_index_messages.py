"""What LlamaIndex's events say of a model call, in the words of the GenAI conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..providers.content import media_part, text_part

_PARAMS: Final = {"temperature": v.REQUEST_TEMPERATURE, "max_tokens": v.REQUEST_MAX_TOKENS, "model": v.REQUEST_MODEL}


def asked(g: Generation, event: Any) -> None:
    """Read what is asked."""
    about = getattr(event, "model_dict", None) or {}
    g.params({name: about[name] for name in _PARAMS if about.get(name) is not None}, _PARAMS, ())
    if v.REQUEST_MODEL not in g.attributes and (model := about.get("model_name")):
        g.attributes[v.REQUEST_MODEL] = str(model)
    if not g.content:
        return
    messages = getattr(event, "messages", None)
    if messages is not None:
        g.asked([_message(message) for message in messages])
    elif (prompt := getattr(event, "prompt", None)) is not None:
        g.asked([{"role": "user", "parts": [text_part(prompt)]}])


def answered(g: Generation, event: Any) -> None:
    """Read what came of it."""
    response = event.response
    if response is None:
        return
    message = getattr(response, "message", None)
    if message is None:
        g.text(getattr(response, "text", None))
    else:
        for part in _parts(message):
            g.part(part)
    raw = getattr(response, "raw", None)
    usage = _of(raw, "usage")
    g.head(_of(raw, "id"), _of(raw, "model"))
    if usage is not None:
        g.usage(
            input_tokens=_of(usage, "prompt_tokens") or _of(usage, "input_tokens"),
            output_tokens=_of(usage, "completion_tokens") or _of(usage, "output_tokens"),
        )


def _of(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _message(message: Any) -> Message:
    role = str(getattr(message.role, "value", message.role))
    if role == "tool":
        call_id = message.additional_kwargs.get("tool_call_id")
        return {
            "role": role, "parts": [{"type": "tool_call_response", "id": call_id, "response": message.content}]
        }  # fmt: skip
    return {"role": role, "parts": _parts(message)}


def _parts(message: Any) -> list[Part]:
    parts = [part for block in getattr(message, "blocks", ()) if (part := _part(block)) is not None]
    for call in message.additional_kwargs.get("tool_calls") or ():
        function = _of(call, "function")
        if function is not None and not any(part["type"] == "tool_call" for part in parts):
            parts.append(tool_call_part(_of(call, "id"), _of(function, "name"), _of(function, "arguments")))
    return parts


def _part(block: Any) -> Part | None:
    kind = getattr(block, "block_type", "text")
    if kind == "text":
        return text_part(block.text) if block.text else None
    if kind == "image" and block.url:
        return media_part(str(block.url), "image", block.image_mimetype)
    if kind == "tool_call":
        return tool_call_part(block.tool_call_id, block.tool_name, block.tool_kwargs)
    if kind == "thinking":
        return {"type": "reasoning", "content": block.content or ""}
    return {"type": str(kind)}
