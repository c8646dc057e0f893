"""OpenAI's files and batches as they look on the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from . import openai_chat
from .answer import Answer, Request
from .reply import Json

_AT: Final = 1_700_000_000


def file(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return a file that was taken in."""
    head = {"id": "file-1", "object": "file", "bytes": 120, "created_at": _AT, "status": "processed"}
    return {**head, "filename": str(request.body.get("file")), "purpose": str(request.body.get("purpose"))}


def batch(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return a batch: begun where it is made, done where it is asked for."""
    done = "batch_1" in request.path
    return {
        "id": "batch_1", "object": "batch", "endpoint": request.body.get("endpoint", "/v1/chat/completions"),
        "input_file_id": request.body.get("input_file_id", "file-1"), "completion_window": "24h", "created_at": _AT,
        "status": "completed" if done else "validating", "output_file_id": "file-2" if done else None,
        "completed_at": _AT + 60 if done else None,
        "request_counts": {"total": 2, "completed": 2 if done else 0, "failed": 0},
    }  # fmt: skip


def results(request: Request, answer: Answer) -> bytes:
    """Return what came of a batch, a line each: an answer, and one that failed."""
    body = {**openai_chat.completion(request, answer), "created": _AT}
    failed = {"status_code": 400, "request_id": "req_2", "body": {"error": {"code": "bad", "message": "too long"}}}
    lines = [
        {
            "id": "batch_req_1", "custom_id": "a", "error": None,
            "response": {"status_code": 200, "request_id": "req_1", "body": body},
        },
        {"id": "batch_req_2", "custom_id": "b", "error": None, "response": failed},
    ]  # fmt: skip
    return json_lines(lines)


def json_lines(lines: Sequence[Json]) -> bytes:
    """Return *lines* as JSON, one after the other."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def fireworks_batch(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return a batch that has begun, as Fireworks writes it."""
    return {**request.body, "name": "accounts/a/batchInferenceJobs/b-1", "state": "JOB_STATE_CREATING"}


def fireworks_batch_done(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return a batch that is done, as Fireworks writes it."""
    used = {"inputTokens": answer.input_tokens, "outputTokens": answer.output_tokens}
    done = {**used, "successfullyProcessedRequests": 2}
    head = {"name": "accounts/a/batchInferenceJobs/b-1", "state": "JOB_STATE_COMPLETED", "model": "accounts/a/models/m"}
    return {**head, "updateTime": "2026-01-01T00:00:00Z", "jobProgress": done}
