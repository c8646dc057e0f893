"""OpenAI's Responses API: items in, items out, and a stream of some fifty kinds of event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..instrument.engine import Route
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..prompts import find_prompt
from .content import blob_part, file_part, functions, media_part, plain, text_part

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "max_output_tokens": v.REQUEST_MAX_TOKENS,
    "stream": v.REQUEST_STREAM,
    "service_tier": v.OPENAI_REQUEST_SERVICE_TIER,
    "previous_response_id": v.REQUEST_PREVIOUS_RESPONSE_ID,
}
OTHER_PARAMS: Final = (
    "tool_choice", "parallel_tool_calls", "text", "truncation", "store", "include", "background", "user", "metadata",
    "max_tool_calls", "top_logprobs", "safety_identifier", "prompt_cache_key", "reasoning",
)  # fmt: skip


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked."""
    g.params(body, PARAMS, OTHER_PARAMS)
    _settings(g, body)
    given = body.get("input")
    instructions = body.get("instructions")
    g.prompt = find_prompt(instructions) or find_prompt(given)
    if g.content:
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given or ()
        system = [text_part(instructions)] if isinstance(instructions, str) else None
        g.asked([_item(item) for item in items], system)
        g.tools(functions(body.get("tools")))


def _settings(g: Generation, body: Mapping[str, Any]) -> None:
    if isinstance(reasoning := body.get("reasoning"), Mapping) and (effort := reasoning.get("effort")):
        g.attributes[v.REQUEST_REASONING_LEVEL] = effort
    if isinstance(text := body.get("text"), Mapping) and isinstance(wanted := text.get("format"), Mapping):
        g.attributes[v.OUTPUT_TYPE] = "text" if wanted.get("type") == "text" else "json"
    conversation = body.get("conversation")
    if conversation is not None:
        conversation_id = conversation.get("id") if isinstance(conversation, Mapping) else conversation
        g.attributes[v.CONVERSATION_ID] = str(conversation_id)


def response(g: Generation, result: Any) -> None:
    """Read a whole response."""
    g.head(result.id, result.model)
    if tier := getattr(result, "service_tier", None):
        g.attributes[v.OPENAI_RESPONSE_SERVICE_TIER] = tier
    called = False
    for item in result.output or ():
        called = called or item.type in ("function_call", "custom_tool_call")
        _said(g, item)
    usage = getattr(result, "usage", None)
    if usage is not None:
        asked = getattr(usage, "input_tokens_details", None)
        g.usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read=getattr(asked, "cached_tokens", None),
            cache_write=getattr(asked, "cache_write_tokens", None),
            reasoning=getattr(getattr(usage, "output_tokens_details", None), "reasoning_tokens", None),
        )
    g.finish(_finish(result, called=called))
    if (error := getattr(result, "error", None)) is not None:
        g.failure = (str(getattr(error, "code", None) or "error"), str(getattr(error, "message", error)))


def _finish(result: Any, *, called: bool) -> str | None:
    status = getattr(result, "status", None)
    if status == "completed":
        return "tool_call" if called else "stop"
    if status == "incomplete":
        reason = getattr(getattr(result, "incomplete_details", None), "reason", None)
        return "length" if reason == "max_output_tokens" else reason or "incomplete"
    return {"failed": "error", "cancelled": "cancelled"}.get(status or "")


def _piece(piece: Any) -> str:
    # A piece whose kind the client does not know yet stays a mapping.
    return str(piece["text"] if isinstance(piece, Mapping) else piece.text)


def _said(g: Generation, item: Any) -> None:
    if not g.content:
        return
    kind = item.type
    if kind == "message":
        for part in item.content:
            refused = part.type == "refusal"
            g.part({"type": "refusal", "content": part.refusal} if refused else text_part(part.text))
    elif kind == "reasoning":
        pieces = [*(item.summary or ()), *(getattr(item, "content", None) or ())]
        if pieces:
            g.part({"type": "reasoning", "content": "\n".join(_piece(piece) for piece in pieces)})
    elif kind == "function_call":
        g.part(tool_call_part(item.call_id, item.name, item.arguments))
    elif kind == "custom_tool_call":
        g.part(tool_call_part(item.call_id, item.name, item.input))
    else:
        told = item.model_dump(mode="json", exclude_none=True, warnings=False)
        g.part({"type": "server_tool_call", "id": told.get("id"), "name": kind, "server_tool_call": told})


# --- streamed --------------------------------------------------------------------------------------


def chunk(g: Generation, event: Any) -> None:
    """Read one event; the last one holds the whole response, so the pieces only matter where it never comes."""
    read = _EVENTS.get(event.type)
    if read is not None:
        read(g, event)


#: Items whose pieces are told as they come.
_PIECEWISE: Final = frozenset({"message", "reasoning", "function_call", "custom_tool_call"})


def _started(g: Generation, event: Any) -> None:
    g.head(event.response.id, event.response.model)


def _ended(g: Generation, event: Any) -> None:
    g.start_over()
    response(g, event.response)


def _failed(g: Generation, event: Any) -> None:
    g.failure = (str(getattr(event, "code", None) or "error"), str(getattr(event, "message", "")))


def _opened(g: Generation, event: Any) -> None:
    item = event.item
    if item.type in ("function_call", "custom_tool_call"):
        g.tool_call(index=event.output_index, call_id=item.call_id, name=item.name)


def _done(g: Generation, event: Any) -> None:
    if event.item.type not in _PIECEWISE:  # a tool that OpenAI itself runs: whole only here
        _said(g, event.item)


def _arguments(g: Generation, event: Any) -> None:
    g.tool_call(index=event.output_index, arguments=event.delta)


def _text(kind: str) -> Callable[[Generation, Any], None]:
    return lambda g, event: g.text(event.delta, index=event.output_index, kind=kind)


_EVENTS: Final[Mapping[str, Callable[[Generation, Any], None]]] = {
    "response.created": _started,
    "response.completed": _ended,
    "response.incomplete": _ended,
    "response.failed": _ended,
    "error": _failed,
    "response.output_item.added": _opened,
    "response.output_item.done": _done,
    "response.function_call_arguments.delta": _arguments,
    "response.custom_tool_call_input.delta": _arguments,
    "response.output_text.delta": _text("text"),
    "response.refusal.delta": _text("refusal"),
    "response.reasoning_summary_text.delta": _text("reasoning"),
    "response.reasoning_text.delta": _text("reasoning"),
}


# --- what went in ----------------------------------------------------------------------------------


def _item(given: Any) -> Message:
    item = plain(given)
    if isinstance(item, str):
        return {"role": "user", "parts": [text_part(item)]}
    read = _ITEMS.get(item.get("type") or "message")
    if read is not None:
        return read(item)
    return {"role": "assistant", "parts": [dict(item)]}


def _message(item: Mapping[str, Any]) -> Message:
    content = item.get("content")
    parts = [text_part(content)] if isinstance(content, str) else [_part(piece) for piece in content or ()]
    return {"role": item.get("role", "user"), "parts": parts}


def _call(item: Mapping[str, Any]) -> Message:
    arguments = item.get("arguments", item.get("input"))
    return {"role": "assistant", "parts": [tool_call_part(item.get("call_id"), item.get("name"), arguments)]}


def _call_output(item: Mapping[str, Any]) -> Message:
    part = {"type": "tool_call_response", "id": item.get("call_id"), "response": item.get("output")}
    return {"role": "tool", "parts": [part]}


def _thought(item: Mapping[str, Any]) -> Message:
    pieces = [*(item.get("summary") or ()), *(item.get("content") or ())]
    return {"role": "assistant", "parts": [{"type": "reasoning", "content": "\n".join(p["text"] for p in pieces)}]}


_ITEMS: Final[Mapping[str, Callable[[Mapping[str, Any]], Message]]] = {
    "message": _message,
    "function_call": _call,
    "custom_tool_call": _call,
    "function_call_output": _call_output,
    "custom_tool_call_output": _call_output,
    "reasoning": _thought,
}


def _part(given: Any) -> Part:
    part = plain(given)
    kind = part.get("type") if isinstance(part, Mapping) else None
    read = _PARTS.get(kind or "")
    return read(part) if read else dict(part) if isinstance(part, Mapping) else text_part(part)


def _image(part: Mapping[str, Any]) -> Part:
    return file_part(part["file_id"], "image") if part.get("file_id") else media_part(part["image_url"], "image")


def _file(part: Mapping[str, Any]) -> Part:
    if part.get("file_id"):
        return file_part(part["file_id"])
    return media_part(part.get("file_url") or part.get("file_data") or "", "document")


_PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part]]] = {
    "input_text": lambda part: text_part(part["text"]),
    "output_text": lambda part: text_part(part["text"]),
    "refusal": lambda part: {"type": "refusal", "content": part["refusal"]},
    "input_image": _image,
    "input_file": _file,
    "input_audio": lambda part: blob_part(
        part["input_audio"]["data"], "audio", f"audio/{part['input_audio'].get('format', 'wav')}"
    ),
}

ROUTE: Final = Route("chat", "llm", request, response, chunk, prompt_in=("instructions", "input"))
