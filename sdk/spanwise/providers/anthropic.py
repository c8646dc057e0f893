"""Anthropic: messages, whole and streamed, with thinking, tools and cached tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry import context as otel_context

from .. import vocabulary as v
from ..encode import to_json
from ..instrument.engine import IN_FLIGHT, Provider, Route
from ..instrument.generation import Generation, Message, Part, server_tool_call_part, tool_call_part
from ..prompts import find_prompt
from . import anthropic_batches
from .content import blob_part, file_part, functions, media_part, plain, text_part
from .fields import fields
from .stainless import methods

PARAMS: Final = {
    "model": v.REQUEST_MODEL,
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "top_k": v.REQUEST_TOP_K,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "stream": v.REQUEST_STREAM,
}
OTHER_PARAMS: Final = ("tool_choice", "thinking", "service_tier", "metadata", "output_config", "container", "betas")
_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked."""
    g.params(body, PARAMS, OTHER_PARAMS)
    if stop := body.get("stop_sequences"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = tuple(stop)
    if isinstance(config := body.get("output_config"), Mapping):
        if effort := config.get("effort"):
            g.attributes[v.REQUEST_REASONING_LEVEL] = effort
        if config.get("format"):
            g.attributes[v.OUTPUT_TYPE] = "json"
    system = body.get("system")
    messages = body.get("messages") or ()
    g.prompt = find_prompt(system) or find_prompt(messages)
    if g.content:
        g.asked([_message(message) for message in messages], _parts(system) if system else None)
        g.tools(functions(body.get("tools")))


def response(g: Generation, message: Any) -> None:
    """Read a whole message."""
    _head(g, message)
    for block in message.content:
        g.part(_block(plain_block(block)))
    g.finish(_FINISH.get(message.stop_reason, message.stop_reason))


def plain_block(block: Any) -> Mapping[str, Any]:
    """Return a content block of the client as a mapping."""
    made: Mapping[str, Any] = block.model_dump(mode="json", exclude_none=True, warnings=False)
    return made


def _head(g: Generation, message: Any) -> None:
    g.head(message.id, message.model)
    _usage(g, message.usage)


def _usage(g: Generation, usage: Any) -> None:
    if usage is None:
        return
    if isinstance(usage, Mapping):  # Fireworks' client has no shape for it
        usage = fields(to_json(usage))
    read = getattr(usage, "cache_read_input_tokens", None)
    written = getattr(usage, "cache_creation_input_tokens", None)
    fresh = getattr(usage, "input_tokens", None)
    g.usage(
        # Anthropic leaves cached tokens out of its input; the conventions count them in.
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=usage.output_tokens,
        cache_read=read,
        cache_write=written,
        reasoning=getattr(getattr(usage, "output_tokens_details", None), "thinking_tokens", None),
    )


# --- streamed --------------------------------------------------------------------------------------


def chunk(g: Generation, event: Any) -> None:
    """Read one event of a stream."""
    read = _EVENTS.get(event.type)
    if read is not None:
        read(g, event)


def _begun(g: Generation, event: Any) -> None:
    _head(g, event.message)
    # Of the answer it has counted a token or two; what is true of it comes at its end, or never.
    g.attributes.pop(v.USAGE_OUTPUT_TOKENS, None)


def _opened(g: Generation, event: Any) -> None:
    block = event.content_block
    if block.type == "tool_use":
        g.tool_call(index=event.index, call_id=block.id, name=block.name)
    elif block.type == "server_tool_use":
        g.server_tool_call(index=event.index, call_id=block.id, name=block.name)
    elif block.type == "text":
        g.text(block.text, index=event.index)
    elif block.type == "thinking":
        g.text(block.thinking, index=event.index, kind="reasoning")
    else:  # the result of a server's tool, hidden thinking: whole from the start
        g.part(_block(plain_block(block)))


def _grown(g: Generation, event: Any) -> None:
    delta = event.delta
    if delta.type == "text_delta":
        g.text(delta.text, index=event.index)
    elif delta.type == "thinking_delta":
        g.text(delta.thinking, index=event.index, kind="reasoning")
    elif delta.type == "input_json_delta":
        g.more_arguments(delta.partial_json, index=event.index)


def _ended(g: Generation, event: Any) -> None:
    _usage(g, event.usage)  # its counts are totals, not increments
    g.finish(_FINISH.get(event.delta.stop_reason, event.delta.stop_reason))


_EVENTS: Final[Mapping[str, Callable[[Generation, Any], None]]] = {
    "message_start": _begun,
    "content_block_start": _opened,
    "content_block_delta": _grown,
    "message_delta": _ended,
}


# --- content ---------------------------------------------------------------------------------------


def _message(given: Any) -> Message:
    message = plain(given)
    return {"role": message["role"], "parts": _parts(message.get("content"))}


def _parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [text_part(content)]
    return [_block(plain(block)) for block in content or ()]


def _block(block: Any) -> Part:
    if not isinstance(block, Mapping):
        return text_part(block)
    kind = str(block.get("type"))
    read = _BLOCKS.get(kind)
    if read is not None:
        return read(block)
    if kind.endswith("_tool_result"):
        answered = block.get("tool_use_id")
        return {"type": "server_tool_call_response", "id": answered, "server_tool_call_response": dict(block)}
    return dict(block)


def _media(modality: str) -> Callable[[Mapping[str, Any]], Part]:
    def read(block: Mapping[str, Any]) -> Part:
        source = block.get("source") or {}
        kind = source.get("type")
        if kind == "base64":
            return blob_part(source["data"], modality, source.get("media_type"))
        if kind == "url":
            return media_part(source["url"], modality)
        if kind == "file":
            return file_part(source["file_id"], modality)
        return text_part(source["data"]) if kind == "text" else dict(block)

    return read


_BLOCKS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part]]] = {
    "text": lambda block: text_part(block["text"]),
    "thinking": lambda block: {"type": "reasoning", "content": block["thinking"]},
    "tool_use": lambda block: tool_call_part(block.get("id"), block.get("name"), block.get("input")),
    "tool_result": lambda block: {
        "type": "tool_call_response", "id": block.get("tool_use_id"), "response": block.get("content"),
    },
    "server_tool_use": lambda block: server_tool_call_part(block.get("id"), block.get("name"), block.get("input")),
    "image": _media("image"),
    "document": _media("document"),
}  # fmt: skip


# --- the client's own spans ------------------------------------------------------------------------


def _silence_own_spans(module: Any) -> Callable[[], None]:
    """Keep the client from making a second span of a call that we record; its other spans stay.

    From 2.x on the client makes OpenTelemetry spans by itself, with token counts but without content.
    """
    original = getattr(module, "start_api_call_span", None)
    if original is None:
        return lambda: None

    def start_api_call_span(*args: Any, **kwargs: Any) -> Any:
        if otel_context.get_value(IN_FLIGHT):
            return None
        return original(*args, **kwargs)

    module.start_api_call_span = start_api_call_span

    def restore() -> None:
        module.start_api_call_span = original

    return restore


def _name(client: Any, _host: str | None) -> str:
    kind = type(client).__name__
    if "Bedrock" in kind or "AWS" in kind:
        return "aws.bedrock"
    if "Foundry" in kind:
        return "azure.ai.inference"
    return "gcp.vertex_ai" if "Vertex" in kind else "anthropic"


ROUTES: Final = {
    "/v1/messages": Route("chat", "llm", request, response, chunk, prompt_in=("system", "messages")),
    **anthropic_batches.ROUTES,
}

PROVIDER: Final = Provider(
    "anthropic",
    "anthropic._base_client",
    methods(ROUTES, _name),
    on_patch=_silence_own_spans,
    fetches=anthropic_batches.fetches(response),
)
