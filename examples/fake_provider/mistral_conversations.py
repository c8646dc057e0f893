"""Mistral's conversations as they look on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .answer import Answer, Request
from .ids import make_id
from .mistral_chat import usage
from .reply import Json, pieces, server_sent_event


def reply(request: Request, answer: Answer) -> Json:
    """Return a whole answer."""
    model = answer.model or request.model or "mistral-test"
    said = [{"type": "message.output", "role": "assistant", "content": answer.text, "model": model}]
    called = [{"type": "function.call", **call} for call in _calls(request, answer)]
    outputs = (said if answer.text else []) + called
    return {"conversation_id": "conv-1", "outputs": outputs, "usage": usage(request, answer)}


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed answer."""
    model = answer.model or request.model or "mistral-test"
    yield _event("conversation.response.started", {"conversation_id": "conv-1"})
    for piece in pieces(answer.text):
        said = {"id": "msg-1", "role": "assistant", "content": piece, "model": model, "output_index": 0}
        yield _event("message.output.delta", said)
    for index, call in enumerate(_calls(request, answer), 1):
        yield _event("function.call.delta", {"id": "fc-1", "output_index": index, **call})
    yield _event("conversation.response.done", {"usage": usage(request, answer)})


def _event(kind: str, body: Json) -> bytes:
    return server_sent_event({"type": kind, **body}, kind)


def _calls(request: Request, answer: Answer) -> list[Json]:
    return [
        {"tool_call_id": call.id or make_id("", request.number, at), "name": call.name,
         "arguments": json.dumps(dict(call.arguments))}
        for at, call in enumerate(answer.tool_calls)
    ]  # fmt: skip
