"""Anthropic's batches and its counting of tokens as they look on the wire."""

from __future__ import annotations

from typing import Final

from . import anthropic_messages
from .answer import Answer, Request
from .openai_batches import json_lines
from .reply import Json, count_tokens

_AT: Final = "2026-01-01T00:00:00Z"


def count(request: Request, answer: Answer) -> Json:
    """Return how many tokens a conversation has."""
    return {"input_tokens": count_tokens(request, answer).input}


def batch(request: Request, answer: Answer) -> Json | bytes:
    """Return a batch: under way where it is made, ended where it is asked for; or its results, a line each."""
    if request.path.partition("?")[0].endswith("/results"):
        message = anthropic_messages.message(request, answer)
        lines = [{"custom_id": name, "result": {"type": "succeeded", "message": message}} for name in ("a", "b")]
        return json_lines(lines)
    ended = "msgbatch_1" in request.path
    counts = {"processing": 0 if ended else 2, "succeeded": 2 if ended else 0, "errored": 0, "canceled": 0}
    return {
        "id": "msgbatch_1", "type": "message_batch", "processing_status": "ended" if ended else "in_progress",
        "request_counts": {**counts, "expired": 0}, "created_at": _AT, "expires_at": _AT,
        "ended_at": _AT if ended else None, "results_url": "/v1/messages/batches/msgbatch_1/results" if ended else None,
    }  # fmt: skip
