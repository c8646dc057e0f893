"""Bedrock's Converse, which has one format for the models of all makers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from .. import vocabulary as v
from ..instrument.generation import Generation, Message, Part, tool_call_part
from ..prompts import find_prompt
from .content import blob_part, text_part

PARAMS: Final = {
    "modelId": v.REQUEST_MODEL,
    "temperature": v.REQUEST_TEMPERATURE,
    "topP": v.REQUEST_TOP_P,
    "topK": v.REQUEST_TOP_K,
    "maxTokens": v.REQUEST_MAX_TOKENS,
    "stream": v.REQUEST_STREAM,
}
OTHER_PARAMS: Final = (
    "additionalModelRequestFields", "guardrailConfig", "performanceConfig", "serviceTier", "requestMetadata",
)  # fmt: skip
_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is asked."""
    config = body.get("inferenceConfig") or {}
    g.params({**body, **config}, PARAMS, OTHER_PARAMS)
    if stop := config.get("stopSequences"):
        g.attributes[v.REQUEST_STOP_SEQUENCES] = tuple(stop)
    tools = body.get("toolConfig") or {}
    system = body.get("system")
    messages = body.get("messages") or ()
    g.prompt = find_prompt(system) or find_prompt(messages)
    if g.content:
        g.asked([_message(message) for message in messages], [_part(block) for block in system or ()] or None)
        g.tools([_tool(tool["toolSpec"]) for tool in tools.get("tools") or () if "toolSpec" in tool])


def response(g: Generation, answer: Mapping[str, Any]) -> None:
    """Read a whole answer."""
    usage(g, answer.get("usage"))
    for block in ((answer.get("output") or {}).get("message") or {}).get("content") or ():
        g.part(_part(block))
    g.finish(_FINISH.get(answer["stopReason"], answer["stopReason"]))


def chunk(g: Generation, event: Mapping[str, Any]) -> None:
    """Read one event of a streamed answer."""
    if "contentBlockDelta" in event:
        _grown(g, event["contentBlockDelta"])
    elif "contentBlockStart" in event:
        opened = event["contentBlockStart"]
        if use := opened["start"].get("toolUse"):
            g.tool_call(index=opened["contentBlockIndex"], call_id=use["toolUseId"], name=use["name"])
    elif "messageStop" in event:
        reason = event["messageStop"]["stopReason"]
        g.finish(_FINISH.get(reason, reason))
    elif "metadata" in event:
        usage(g, event["metadata"].get("usage"))


def _grown(g: Generation, told: Mapping[str, Any]) -> None:
    index, delta = told.get("contentBlockIndex") or 0, told["delta"]
    g.text(delta.get("text"), index=index)
    if use := delta.get("toolUse"):
        g.tool_call(index=index, arguments=use["input"])
    if thought := delta.get("reasoningContent"):
        g.text(thought.get("text"), index=index, kind="reasoning")


def usage(g: Generation, counts: Mapping[str, Any] | None) -> None:
    """Read the counts; cached tokens are not among Amazon's input, and the conventions count them in."""
    if not counts:
        return
    read, written = counts.get("cacheReadInputTokens"), counts.get("cacheWriteInputTokens")
    fresh = counts.get("inputTokens")
    g.usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=counts.get("outputTokens"), cache_read=read, cache_write=written,
    )  # fmt: skip


# --- content ---------------------------------------------------------------------------------------


def _message(message: Mapping[str, Any]) -> Message:
    parts = [_part(block) for block in message.get("content") or ()]
    answers = any(part["type"] == "tool_call_response" for part in parts)
    return {"role": "tool" if answers else message["role"], "parts": parts}


def _part(block: Mapping[str, Any]) -> Part:
    if "text" in block:
        return text_part(block["text"])
    if use := block.get("toolUse"):
        return tool_call_part(use.get("toolUseId"), use.get("name"), use.get("input"))
    if result := block.get("toolResult"):
        told = [piece.get("text", piece.get("json")) for piece in result.get("content") or ()]
        response = told[0] if len(told) == 1 else told
        return {"type": "tool_call_response", "id": result.get("toolUseId"), "response": response}
    if thought := block.get("reasoningContent"):
        return {"type": "reasoning", "content": (thought.get("reasoningText") or {}).get("text")}
    return _media(block)


def _media(block: Mapping[str, Any]) -> Part:
    for modality in ("image", "document", "video", "audio"):
        if inside := block.get(modality):
            source, mime_type = inside.get("source") or {}, f"{modality}/{inside.get('format')}"
            if isinstance(data := source.get("bytes"), bytes):
                return blob_part(base64.b64encode(data).decode(), modality, mime_type)
            uri = (source.get("s3Location") or {}).get("uri")
            return {"type": "uri", "modality": modality, "mime_type": mime_type, "uri": uri}
    name = next(iter(block), "unknown")
    return {"type": name, **(block[name] if isinstance(block.get(name), Mapping) else {})}


def _tool(spec: Mapping[str, Any]) -> dict[str, Any]:
    parameters = (spec.get("inputSchema") or {}).get("json")
    described = {"name": spec.get("name"), "description": spec.get("description")}
    return {"type": "function", **described, "parameters": parameters}
