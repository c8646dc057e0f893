"""Cohere's second API as it looks on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .answer import Answer, Request
from .ids import make_id
from .reply import Json, count_tokens, pieces, server_sent_event


def error_body(message: str) -> Json:
    """Return the body of a refusal."""
    return {"message": message}


def error_event(message: str) -> bytes:
    """Return the event that ends a stream with an error: a last one that says so."""
    return _event("message-end", {"delta": {"error": message, "finish_reason": "ERROR"}})


def reply(request: Request, answer: Answer) -> Json:
    """Return a whole answer."""
    content: list[Json] = [{"type": "thinking", "thinking": answer.reasoning}] if answer.reasoning else []
    content += [{"type": "text", "text": answer.text}] if answer.text else []
    message: Json = {"role": "assistant", "content": content}
    if answer.tool_calls:
        message.update(tool_plan="I will look.", tool_calls=_calls(request, answer))
    return {
        "id": make_id("req_", request.number), "finish_reason": finish_reason(answer), "message": message,
        "usage": usage(request, answer),
    }  # fmt: skip


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed answer."""
    start = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}
    yield _event("message-start", {"id": make_id("req_", request.number), "delta": start})
    for index, (kind, text) in enumerate((("thinking", answer.reasoning), ("text", answer.text))):
        if not text:
            continue
        yield _event("content-start", {"index": index, "delta": {"message": {"content": {"type": kind, kind: ""}}}})
        for piece in pieces(text):
            yield _event("content-delta", {"index": index, "delta": {"message": {"content": {kind: piece}}}})
        yield _event("content-end", {"index": index})
    if answer.tool_calls:
        yield _event("tool-plan-delta", {"delta": {"message": {"tool_plan": "I will look."}}})
    for index, call in enumerate(_calls(request, answer)):
        opened = {**call, "function": {**call["function"], "arguments": ""}}
        yield _event("tool-call-start", {"index": index, "delta": {"message": {"tool_calls": opened}}})
        for piece in pieces(call["function"]["arguments"], words=1):
            delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
            yield _event("tool-call-delta", {"index": index, "delta": delta})
        yield _event("tool-call-end", {"index": index})
    yield _event("message-end", {"delta": {"finish_reason": finish_reason(answer), "usage": usage(request, answer)}})
    yield server_sent_event("[DONE]")


def embeddings(request: Request, answer: Answer) -> Json:
    """Return a vector for each text."""
    texts = request.body.get("texts") or [str(one) for one in request.body.get("inputs") or ()]
    used = answer.input_tokens or 4 * len(texts)
    return {
        "id": make_id("req_", request.number), "embeddings": {"float": [[0.1, 0.2, 0.3] for _ in texts]},
        "texts": texts, "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": used}},
        "response_type": "embeddings_by_type",
    }  # fmt: skip


def ranking(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return the documents from the last to the first."""
    found = list(range(len(request.body.get("documents") or ())))[::-1][: request.body.get("top_n")]
    results = [{"index": index, "relevance_score": 0.9 - place / 10} for place, index in enumerate(found)]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": make_id("req_", request.number), "results": results, "meta": meta}


def batch_done(request: Request, answer: Answer) -> Json:
    """Return a batch that is done, or that goes on where its id ends so, with what it used so far."""
    state = "IN_PROGRESS" if request.path.endswith("-on") else "COMPLETED"
    tokens = {"input_tokens": str(answer.input_tokens), "output_tokens": str(answer.output_tokens)}
    head = {"id": request.path.rpartition("/")[2], "name": "b", "input_dataset_id": "d-1", "model": "command-test"}
    told = {"status": f"BATCH_STATUS_{state}", "num_successful_records": 2, "updated_at": "2026-01-01T00:00:00Z"}
    return {"batch": {**head, **told, **tokens}}


def batch(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return a batch that has begun."""
    return {"batch": {**request.body, "id": "batch-1", "status": "BATCH_STATUS_QUEUED"}}


def embed_job(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return what a job of embeddings goes by."""
    return {"job_id": "job-1"}


def _event(kind: str, body: Json) -> bytes:
    return server_sent_event({"type": kind, **body}, kind)


def _calls(request: Request, answer: Answer) -> list[Json]:
    return [
        {
            "id": call.id or make_id("call_", request.number, at),
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
        }
        for at, call in enumerate(answer.tool_calls)
    ]


def usage(request: Request, answer: Answer) -> Json:
    """Return what was counted."""
    tokens = count_tokens(request, answer)
    counts = {"input_tokens": tokens.input, "output_tokens": tokens.output}
    return {"billed_units": counts, "tokens": counts, "cached_tokens": tokens.cache_read}


def finish_reason(answer: Answer) -> str:
    """Return why the answer ended."""
    return answer.finish_reason or ("TOOL_CALL" if answer.tool_calls else "COMPLETE")
