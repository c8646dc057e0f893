"""Google's Gemini API as it looks on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .answer import Answer, Request
from .ids import make_id
from .openai_batches import json_lines
from .reply import Json, count_tokens, pieces, server_sent_event

_ERRORS: Final = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
                  429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}  # fmt: skip


def error_body(status: int, message: str) -> Json:
    """Return the body of a refusal."""
    return {"error": {"code": status, "message": message, "status": _ERRORS.get(status, "UNKNOWN")}}


def error_event(message: str) -> bytes:
    """Return the event that ends a stream with an error."""
    return server_sent_event(error_body(503, message))


def content(request: Request, answer: Answer) -> Json:
    """Return a whole answer."""
    return _reply(request, answer, list(_parts(answer)), last=True)


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the chunks of a streamed answer; the last one says why it ended, each one the counts so far."""
    found = [piece for part in _parts(answer) for piece in _pieces(part)] or [{"text": ""}]
    for number, part in enumerate(found, 1):
        yield server_sent_event(_reply(request, answer, [part], last=number == len(found)))


def embeddings(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return a vector for each content."""
    asked = request.body.get("requests") or [request.body]
    return {"embeddings": [{"values": [0.1, 0.2, len(str(one)) / 1_000]} for one in asked]}


def _parts(answer: Answer) -> Iterator[Json]:
    if answer.reasoning:
        yield {"text": answer.reasoning, "thought": True}
    if answer.text or not answer.tool_calls:
        yield {"text": answer.text}
    for call in answer.tool_calls:
        made = {"name": call.name, "args": dict(call.arguments)}
        yield {"functionCall": {**made, "id": call.id} if call.id else made}


def _pieces(part: Json) -> Iterator[Json]:
    if "text" not in part:
        yield part
        return
    for piece in pieces(part["text"]):
        yield {**part, "text": piece}


def _reply(request: Request, answer: Answer, parts: list[Json], *, last: bool) -> Json:
    tokens = count_tokens(request, answer)
    usage = {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": tokens.input + tokens.output,
    }
    more = {"cachedContentTokenCount": tokens.cache_read, "thoughtsTokenCount": tokens.reasoning}
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = answer.finish_reason or "STOP"
    return {
        "candidates": [candidate],
        "usageMetadata": {**usage, **{name: count for name, count in more.items() if count}},
        "modelVersion": answer.model or request.model,
        "responseId": make_id("gen_", request.number),
    }


def predictions(request: Request, answer: Answer) -> Json:
    """Return a vector for each text, as Vertex AI writes them."""
    told = {"truncated": False, "token_count": answer.input_tokens or 4}
    given = request.body.get("instances") or ()
    return {"predictions": [{"embeddings": {"values": [0.1, 0.2], "statistics": told}} for _ in given]}


def batch(request: Request, answer: Answer) -> Json:
    """Return a batch that has begun, as the Gemini API writes it."""
    told = {"@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"}
    model = f"models/{answer.model or request.model}"
    return {"name": "batches/b1", "metadata": {**told, "model": model, "state": "BATCH_STATE_PENDING"}}


def batch_done(request: Request, answer: Answer) -> Json:
    """Return a batch that is done, with what came of it: an answer, and one that failed."""
    answers = [{"response": content(request, answer)}, {"error": {"code": 3, "message": "too long"}}]
    told = batch(request, answer)["metadata"]
    done = {"state": "BATCH_STATE_SUCCEEDED", "updateTime": "2026-01-01T00:00:00Z", "model": "models/gemini-test"}
    return {
        "name": "batches/b1",
        "metadata": {**told, **done, "output": {"inlinedResponses": {"inlinedResponses": answers}}},
    }


def batch_results(request: Request, answer: Answer) -> bytes:
    """Return the file of what came of a batch, a line each."""
    return json_lines(
        [
            {"key": "a", "response": content(request, answer)},
            {"key": "b", "error": {"code": 3, "message": "too long"}},
        ]
    )


def job(request: Request, answer: Answer) -> Json:
    """Return a batch that has begun, as Vertex AI writes it."""
    name = "projects/p/locations/l/batchPredictionJobs/1"
    return {"name": name, "state": "JOB_STATE_PENDING", "model": answer.model or request.body.get("model")}
