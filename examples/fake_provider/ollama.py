"""Ollama's API as it looks on the wire: lines of JSON, the counts in the last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from .answer import Answer, Request
from .reply import Json, count_tokens, pieces

_AT: Final = "2026-01-01T00:00:00.000000Z"


def error_body(message: str) -> Json:
    """Return the body of a refusal."""
    return {"error": message}


def error_event(message: str) -> bytes:
    """Return the line that ends a stream with an error."""
    return _line(error_body(message))


def reply(request: Request, answer: Answer) -> Json:
    """Return a whole answer."""
    calls = [{"function": {"name": call.name, "arguments": dict(call.arguments)}} for call in answer.tool_calls]
    return _said(request, answer, answer.text, answer.reasoning, calls, done=True)


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the lines of a streamed answer."""
    for piece in pieces(answer.reasoning or ""):
        yield _line(_said(request, answer, "", piece, [], done=False))
    for piece in pieces(answer.text):
        yield _line(_said(request, answer, piece, None, [], done=False))
    for call in answer.tool_calls:
        made = {"function": {"name": call.name, "arguments": dict(call.arguments)}}
        yield _line(_said(request, answer, "", None, [made], done=False))
    yield _line(_said(request, answer, "", None, [], done=True))


def embeddings(request: Request, answer: Answer) -> Json:
    """Return a vector for each text."""
    given = request.body.get("input") or ()
    texts = [given] if isinstance(given, str) else given
    vectors = [[0.1, 0.2, len(text) / 1_000] for text in texts]
    return {"model": request.model, "embeddings": vectors, "prompt_eval_count": count_tokens(request, answer).input}


def _said(request: Request, answer: Answer, text: str, thinking: str | None, calls: list[Json], *, done: bool) -> Json:
    body: dict[str, Any] = {"model": answer.model or request.model, "created_at": _AT, "done": done}
    if "prompt" in request.body:
        body["response"] = text
        if thinking:
            body["thinking"] = thinking
    else:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if thinking:
            message["thinking"] = thinking
        if calls:
            message["tool_calls"] = calls
        body["message"] = message
    if done:
        tokens = count_tokens(request, answer)
        body.update(
            done_reason=answer.finish_reason or "stop",
            total_duration=5_000_000,
            prompt_eval_count=tokens.input,
            eval_count=tokens.output,
        )
    return body


def _line(body: Json) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"
