"""Mistral's chat completions as they look on the wire: OpenAI's paths, but thoughts in the content and whole calls."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from .answer import Answer, Request
from .ids import make_id
from .reply import Json, count_tokens, pieces, server_sent_event


def completion(request: Request, answer: Answer) -> Json:
    """Return a whole completion."""
    said = {"role": "assistant", "content": _content(answer), "tool_calls": _calls(request, answer) or None}
    choice = {"index": 0, "message": said, "finish_reason": _finish(answer)}
    return {**_head(request, answer, "chat.completion"), "choices": [choice], "usage": usage(request, answer)}


def chunks(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed completion; the last one has calls, counts and reason."""
    head = _head(request, answer, "chat.completion.chunk")
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": [_thought(piece)]} for piece in pieces(answer.reasoning or "")]
    deltas += [{"content": piece} for piece in pieces(answer.text)]
    for delta in deltas:
        yield server_sent_event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    last = {"content": "", "tool_calls": _calls(request, answer) or None}
    choice = {"index": 0, "delta": last, "finish_reason": _finish(answer)}
    yield server_sent_event({**head, "choices": [choice], "usage": usage(request, answer)})
    yield server_sent_event("[DONE]")


def _content(answer: Answer) -> str | list[Json]:
    if answer.reasoning:
        return [_thought(answer.reasoning), {"type": "text", "text": answer.text}]
    return answer.text


def _thought(text: str) -> Json:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _calls(request: Request, answer: Answer) -> list[Json]:
    return [
        {
            "id": call.id or make_id("call_", request.number, at),
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
            "index": at,
        }
        for at, call in enumerate(answer.tool_calls)
    ]


def _head(request: Request, answer: Answer, kind: str) -> Json:
    made = make_id("req_", request.number)
    return {"id": made, "object": kind, "created": int(time.time()), "model": answer.model or request.model}


def usage(request: Request, answer: Answer) -> Json:
    """Return what was counted."""
    tokens = count_tokens(request, answer)
    total = tokens.input + tokens.output
    told = {"prompt_tokens": tokens.input, "completion_tokens": tokens.output, "total_tokens": total}
    return {**told, "prompt_tokens_details": {"cached_tokens": tokens.cache_read}} if tokens.cache_read else told


def _finish(answer: Answer) -> str:
    return answer.finish_reason or ("tool_calls" if answer.tool_calls else "stop")


def pages(request: Request, answer: Answer) -> Json:
    """Return what was read in a document."""
    page = {"index": 0, "markdown": answer.text, "images": [], "dimensions": {"dpi": 200, "height": 100, "width": 80}}
    info = {"pages_processed": 1, "doc_size_bytes": 120}
    return {"pages": [page], "model": answer.model or request.model, "usage_info": info}


def batch(request: Request, answer: Answer) -> Json:
    """Return a batch that has begun."""
    counts = dict.fromkeys(("total", "completed", "succeeded", "failed"), 0)
    head = {"id": "batch-1", "object": "batch", "status": "QUEUED", "errors": [], "created_at": int(time.time())}
    asked = {"endpoint": request.body.get("endpoint"), "input_files": request.body.get("input_files") or []}
    model = {"model": answer.model or request.model}
    return {**head, **asked, **model, **{f"{name}_requests": count for name, count in counts.items()}}


def batch_done(request: Request, answer: Answer) -> Json:
    """Return a batch that is done, with what came of it."""
    body = {**completion(request, answer), "created": 1_700_000_000}
    result = {"id": "r-1", "custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}
    return {**batch(request, answer), "endpoint": "/v1/chat/completions", "status": "SUCCESS", "outputs": [result]}
