"""Anthropic's Messages API as it looks on the wire."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Final

from .answer import Answer, Request
from .ids import make_id
from .reply import Json, count_tokens, pieces, server_sent_event

_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error_body(status: int, message: str, request: Request) -> Json:
    """Return the body of a refusal."""
    error = {"type": _ERROR_TYPES.get(status, "api_error"), "message": message}
    return {"type": "error", "error": error, "request_id": make_id("req_", request.number)}


def error_event(message: str) -> bytes:
    """Return the event that ends a stream with an error."""
    return server_sent_event({"type": "error", "error": {"type": "overloaded_error", "message": message}}, "error")


def message(request: Request, answer: Answer) -> Json:
    """Return a whole message."""
    return {
        **_head(request, answer),
        "content": list(_blocks(request, answer)),
        "stop_reason": _stop_reason(answer),
        "usage": _usage(request, answer),
    }


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed message."""
    for body in _bodies(request, answer):
        yield server_sent_event(body, body["type"])


def _bodies(request: Request, answer: Answer) -> Iterator[Json]:
    usage = _usage(request, answer)
    started = {**_head(request, answer), "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": started}
    yield {"type": "ping"}
    for index, block in enumerate(_blocks(request, answer)):
        yield {"type": "content_block_start", "index": index, "content_block": _emptied(block)}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
    totals = {name: usage[name] for name in _CUMULATIVE}
    yield {"type": "message_delta", "delta": delta, "usage": totals}
    yield {"type": "message_stop"}


_CUMULATIVE: Final = (
    "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens", "output_tokens_details",
)  # fmt: skip


def _blocks(request: Request, answer: Answer) -> Iterator[Json]:
    if answer.reasoning:
        signature = b64encode(hashlib.sha256(answer.reasoning.encode()).digest()).decode()
        yield {"type": "thinking", "thinking": answer.reasoning, "signature": signature}
    if answer.text or not answer.tool_calls:
        yield {"type": "text", "text": answer.text}
    for position, call in enumerate(answer.tool_calls):
        made = call.id or make_id("toolu_01", request.number, position)
        yield {"type": "tool_use", "id": made, "name": call.name, "input": dict(call.arguments)}


def _emptied(block: Json) -> Json:
    blanks: dict[str, Json] = {
        "thinking": {"thinking": "", "signature": ""},
        "text": {"text": ""},
        "tool_use": {"input": {}},
    }
    return {**block, **blanks[block["type"]]}


def _deltas(block: Json) -> Iterator[Json]:
    if block["type"] == "thinking":
        for piece in pieces(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "text":
        for piece in pieces(block["text"]):
            yield {"type": "text_delta", "text": piece}
    else:
        yield {"type": "input_json_delta", "partial_json": ""}
        for piece in pieces(json.dumps(block["input"]), words=1):
            yield {"type": "input_json_delta", "partial_json": piece}


def _head(request: Request, answer: Answer) -> Json:
    made = make_id("msg_01", request.number)
    model = answer.model or request.model
    return {"id": made, "type": "message", "role": "assistant", "model": model, "stop_sequence": None}


def _usage(request: Request, answer: Answer) -> Json:
    tokens = count_tokens(request, answer)
    return {
        "input_tokens": max(0, tokens.input - tokens.cache_read - tokens.cache_write),
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": tokens.output,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
        "service_tier": "standard",
    }


def _stop_reason(answer: Answer) -> str:
    return answer.finish_reason or ("tool_use" if answer.tool_calls else "end_turn")
