"""What LangChain's messages say, as messages of the GenAI conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .. import vocabulary as v
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..providers.content import blob_part, functions, media_part, text_part

_ROLES: Final = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "HumanMessageChunk": "user"}
_PARAMS: Final = {
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "max_completion_tokens": v.REQUEST_MAX_TOKENS,
    "seed": v.REQUEST_SEED,
}
_CALLS: Final = frozenset({"tool_use", "tool_call", "function_call", "tool_call_chunk", "input_json_delta"})
_FINISH: Final = {"tool_calls": "tool_call", "tool_use": "tool_call", "end_turn": "stop", "STOP": "stop"}


def asked(g: Generation, messages: Sequence[Any], said: Mapping[str, Any]) -> None:
    """Read what a run was given: messages or prompts, parameters, tools."""
    params = said.get("invocation_params") or {}
    metadata = said.get("metadata") or {}
    g.params(params, _PARAMS, ("tool_choice", "response_format"))
    if model := metadata.get("ls_model_name") or params.get("model") or params.get("model_name"):
        g.attributes[v.REQUEST_MODEL] = str(model)
    if provider := metadata.get("ls_provider"):
        g.attributes[v.PROVIDER_NAME] = str(provider)
    if g.content:
        g.asked([_message(message) for message in messages])
        g.tools(functions(params.get("tools")))


def answered(g: Generation, response: Any) -> None:
    """Read what came of it."""
    told = getattr(response, "llm_output", None) or {}
    for number, batch in enumerate(getattr(response, "generations", ())):
        for found in batch:
            message = getattr(found, "message", None)
            if message is None:
                g.text(getattr(found, "text", None), choice=number)
                continue
            for part in _parts(message):
                g.part(part, choice=number)
            about = getattr(message, "response_metadata", None) or {}
            reason = str(about.get("finish_reason") or about.get("stop_reason") or "")
            g.finish(_FINISH.get(reason, reason), choice=number)
            g.head(about.get("id"), about.get("model_name") or about.get("model"))
            _usage(g, getattr(message, "usage_metadata", None))
    usage = told.get("token_usage") or {}
    if v.USAGE_INPUT_TOKENS not in g.attributes and isinstance(usage, Mapping):
        g.usage(input_tokens=usage.get("prompt_tokens"), output_tokens=usage.get("completion_tokens"))


def _usage(g: Generation, usage: Any) -> None:
    if usage:
        given, made = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
        g.usage(
            input_tokens=usage.get("input_tokens"),
            output_tokens=usage.get("output_tokens"),
            cache_read=given.get("cache_read"),
            cache_write=given.get("cache_creation"),
            reasoning=made.get("reasoning"),
        )


def _message(message: Any) -> Message:
    if isinstance(message, str):
        return {"role": "user", "parts": [text_part(message)]}
    kind = getattr(message, "type", "user")
    if kind == "tool":
        response = {"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}
        return {"role": "tool", "parts": [response]}
    return {"role": _ROLES.get(kind, kind), "parts": _parts(message)}


def _parts(message: Any) -> list[Part]:
    content = getattr(message, "content", "")
    blocks = [content] if isinstance(content, str) else content
    parts = [part for block in blocks if block and (part := _part(block)) is not None]
    if thought := (getattr(message, "additional_kwargs", None) or {}).get("reasoning_content"):
        parts.insert(0, {"type": "reasoning", "content": thought})
    calls = getattr(message, "tool_calls", None) or ()
    return [*parts, *(tool_call_part(call.get("id"), call.get("name"), call.get("args")) for call in calls)]


def _part(block: Any) -> Part | None:
    """Return one block of content; calls of tools are told apart from it, by the message."""
    if not isinstance(block, Mapping):
        return text_part(str(block))
    kind = block.get("type")
    if kind in _CALLS:
        return None
    if kind in ("reasoning", "thinking"):
        return {"type": "reasoning", "content": block.get("reasoning") or block.get("thinking") or ""}
    if kind == "image_url":
        url = block.get("image_url")
        return media_part(str(url.get("url") if isinstance(url, Mapping) else url), "image")
    if kind in ("image", "audio", "file", "video") and isinstance(
        data := block.get("base64") or block.get("data"), str
    ):
        return blob_part(data, kind, block.get("mime_type"))
    return text_part(block["text"]) if isinstance(block.get("text"), str) else {**block, "type": str(kind)}
