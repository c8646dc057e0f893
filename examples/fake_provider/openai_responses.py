"""OpenAI's Responses API as it looks on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from .answer import Answer, Request
from .ids import make_id
from .reply import Json, count_tokens, pieces, server_sent_event


def response(request: Request, answer: Answer) -> Json:
    """Return a whole response."""
    cut_off = answer.finish_reason in {"length", "max_output_tokens"}
    items = list(_items(request, answer))
    return {
        **_head(request, answer),
        "status": "incomplete" if cut_off else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut_off else None,
        "output": items,
        "usage": _usage(request, answer),
    }


def error_event(message: str) -> bytes:
    """Return the event that ends a stream with an error."""
    body = {"type": "error", "code": "server_error", "message": message, "param": None, "sequence_number": 0}
    return server_sent_event(body, "error")


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed response, numbered."""
    for number, body in enumerate(_bodies(request, answer)):
        yield server_sent_event({**body, "sequence_number": number}, body["type"])


def _bodies(request: Request, answer: Answer) -> Iterator[Json]:
    started = {**_head(request, answer), "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    whole = response(request, answer)
    for index, item in enumerate(whole["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        opened = {**item, "status": "in_progress"}
        opened.update({"summary": []} if item["type"] == "reasoning" else {})
        opened.update({"content": []} if item["type"] == "message" else {})
        opened.update({"arguments": ""} if item["type"] == "function_call" else {})
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        yield from _BODIES[item["type"]](item, place)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _message_bodies(item: Json, place: Json) -> Iterator[Json]:
    at: Json = {**place, "content_index": 0}
    part = item["content"][0]
    kind, field = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
    yield {"type": "response.content_part.added", **at, "part": {**part, field: ""}}
    extra: Json = {"logprobs": []} if kind == "output_text" else {}
    for piece in pieces(part[field]):
        yield {"type": f"response.{kind}.delta", **at, "delta": piece, **extra}
    yield {"type": f"response.{kind}.done", **at, field: part[field], **extra}
    yield {"type": "response.content_part.done", **at, "part": part}


def _reasoning_bodies(item: Json, place: Json) -> Iterator[Json]:
    at = {**place, "summary_index": 0}
    part = item["summary"][0]
    yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
    yield {"type": "response.reasoning_summary_part.done", **at, "part": part}


def _call_bodies(item: Json, place: Json) -> Iterator[Json]:
    for piece in pieces(item["arguments"], words=1):
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    done = {"arguments": item["arguments"], "name": item["name"]}
    yield {"type": "response.function_call_arguments.done", **place, **done}


_BODIES = {"message": _message_bodies, "reasoning": _reasoning_bodies, "function_call": _call_bodies}


def _items(request: Request, answer: Answer) -> Iterator[Json]:
    if answer.reasoning:
        summary = [{"type": "summary_text", "text": answer.reasoning}]
        yield {"id": make_id("rs_", request.number), "type": "reasoning", "summary": summary}
    for position, call in enumerate(answer.tool_calls):
        yield {
            "id": make_id("fc_", request.number, position),
            "type": "function_call",
            "status": "completed",
            "call_id": call.id or make_id("call_", request.number, position),
            "name": call.name,
            "arguments": json.dumps(dict(call.arguments)),
        }
    if answer.text or answer.refusal or not answer.tool_calls:
        text: Json = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        content = {"type": "refusal", "refusal": answer.refusal} if answer.refusal else text
        item = {"id": make_id("msg_", request.number), "type": "message", "role": "assistant"}
        yield {**item, "status": "completed", "content": [content]}


def _head(request: Request, answer: Answer) -> dict[str, Any]:
    body = request.body
    return {
        "id": make_id("resp_", request.number),
        "object": "response",
        "created_at": int(time.time()),
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": answer.model or request.model,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "metadata": body.get("metadata") or {},
    }


def _usage(request: Request, answer: Answer) -> Json:
    tokens = count_tokens(request, answer)
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cache_read, "cache_write_tokens": tokens.cache_write},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }
