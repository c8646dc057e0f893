"""What a wire format makes of an answer: one body, or the events of a stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .answer import Answer, Request, estimated_tokens

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Every count of one answer, said or estimated."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    reasoning: int


def count_tokens(request: Request, answer: Answer) -> Tokens:
    """Return the counts that *answer* says, and estimates of the others."""
    said = " ".join([answer.text, answer.reasoning or "", *(json.dumps(dict(c.arguments)) for c in answer.tool_calls)])
    reasoning = answer.reasoning_tokens
    if reasoning is None:
        reasoning = estimated_tokens(answer.reasoning) if answer.reasoning else 0
    asked = answer.cache_read + answer.cache_write + estimated_tokens(json.dumps(request.messages))
    return Tokens(
        input=asked if answer.input_tokens is None else answer.input_tokens,
        output=max(reasoning, estimated_tokens(said)) if answer.output_tokens is None else answer.output_tokens,
        cache_read=answer.cache_read,
        cache_write=answer.cache_write,
        reasoning=reasoning,
    )


def pieces(text: str, words: int = 3) -> Iterator[str]:
    """Yield *text* in pieces of a few words, as models stream it."""
    found = re.findall(r"\s*\S+\s*", text) or ([text] if text else [])
    for start in range(0, len(found), words):
        yield "".join(found[start : start + words])


def server_sent_event(data: Json | str, event: str | None = None) -> bytes:
    """Return one event of a stream as bytes."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return (f"event: {event}\n" if event else "").encode() + f"data: {text}\n\n".encode()
