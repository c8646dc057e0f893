"""Cohere's first API as it looks on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .answer import Answer, Request
from .cohere import finish_reason, usage
from .ids import make_id
from .reply import Json, pieces


def error_event(message: str) -> bytes:
    """Return the event that ends a stream with an error."""
    return _event("stream-end", {"finish_reason": "ERROR", "response": {"text": message}})


def reply(request: Request, answer: Answer) -> Json:
    """Return a whole answer."""
    made = make_id("req_", request.number)
    calls = [{"name": call.name, "parameters": dict(call.arguments)} for call in answer.tool_calls]
    return {
        "response_id": made, "generation_id": f"g{made}", "text": answer.text, "chat_history": [],
        "finish_reason": finish_reason(answer), "tool_calls": calls or None, "meta": usage(request, answer),
    }  # fmt: skip


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed answer, a line each."""
    whole = reply(request, answer)
    yield _event("stream-start", {"generation_id": whole["generation_id"]})
    for piece in pieces(answer.text):
        yield _event("text-generation", {"text": piece})
    if whole["tool_calls"]:
        yield _event("tool-calls-generation", {"text": "", "tool_calls": whole["tool_calls"]})
    yield _event("stream-end", {"finish_reason": whole["finish_reason"], "response": whole})


def _event(kind: str, body: Json) -> bytes:
    return json.dumps({"event_type": kind, **body}, separators=(",", ":")).encode() + b"\n"
