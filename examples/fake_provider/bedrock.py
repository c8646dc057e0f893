"""Amazon Bedrock's Converse as it looks on the wire, and the binary events in which Amazon streams."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Final
from zlib import crc32

from .answer import Answer, Request
from .ids import make_id
from .reply import Json, count_tokens, pieces

_STRING: Final = 7  # the type of a header


def error_body(message: str) -> Json:
    """Return the body of a refusal."""
    return {"message": message}


def error_event(message: str) -> bytes:
    """Return the event that ends a stream with an error."""
    return event("modelStreamErrorException", {"message": message}, kind="exception")


def converse(request: Request, answer: Answer) -> Json:
    """Return a whole answer."""
    message = {"role": "assistant", "content": list(_blocks(request, answer))}
    return {
        "output": {"message": message}, "stopReason": stop_reason(answer),
        "usage": usage(request, answer), "metrics": {"latencyMs": 12},
    }  # fmt: skip


def events(request: Request, answer: Answer) -> Iterator[bytes]:
    """Yield the events of a streamed answer."""
    yield event("messageStart", {"role": "assistant"})
    for index, block in enumerate(_blocks(request, answer)):
        at = {"contentBlockIndex": index}
        if use := block.get("toolUse"):
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            yield event("contentBlockStart", {**at, "start": start})
        for delta in _deltas(block):
            yield event("contentBlockDelta", {**at, "delta": delta})
        yield event("contentBlockStop", at)
    yield event("messageStop", {"stopReason": stop_reason(answer)})
    yield event("metadata", {"usage": usage(request, answer), "metrics": {"latencyMs": 12}})


def event(name: str, body: Json, kind: str = "event") -> bytes:
    """Return one event: a prelude, headers and a body, each followed by its check sum."""
    headers = b"".join(
        struct.pack("!B", len(key)) + key.encode() + struct.pack("!BH", _STRING, len(value)) + value.encode()
        for key, value in (
            (f":{kind}-type", name), (":content-type", "application/json"), (":message-type", kind),
        )
    )  # fmt: skip
    payload = json.dumps(body).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return message + struct.pack("!I", crc32(message))


def usage(request: Request, answer: Answer) -> Json:
    """Return the counts; cached tokens are not among the input's."""
    tokens = count_tokens(request, answer)
    fresh = max(0, tokens.input - tokens.cache_read - tokens.cache_write)
    return {
        "inputTokens": fresh, "outputTokens": tokens.output, "totalTokens": tokens.input + tokens.output,
        "cacheReadInputTokens": tokens.cache_read, "cacheWriteInputTokens": tokens.cache_write,
    }  # fmt: skip


def stop_reason(answer: Answer) -> str:
    """Return why the answer ended."""
    return answer.finish_reason or ("tool_use" if answer.tool_calls else "end_turn")


def _blocks(request: Request, answer: Answer) -> Iterator[Json]:
    if answer.reasoning:
        yield {"reasoningContent": {"reasoningText": {"text": answer.reasoning, "signature": "s1gned"}}}
    if answer.text or not answer.tool_calls:
        yield {"text": answer.text}
    for at, call in enumerate(answer.tool_calls):
        made = call.id or make_id("toolu_01", request.number, at)
        yield {"toolUse": {"toolUseId": made, "name": call.name, "input": dict(call.arguments)}}


def _deltas(block: Json) -> Iterator[Json]:
    if "text" in block:
        for piece in pieces(block["text"]):
            yield {"text": piece}
    elif "toolUse" in block:
        for piece in pieces(json.dumps(block["toolUse"]["input"]), words=1):
            yield {"toolUse": {"input": piece}}
    else:
        for piece in pieces(block["reasoningContent"]["reasoningText"]["text"]):
            yield {"reasoningContent": {"text": piece}}
        yield {"reasoningContent": {"signature": "s1gned"}}


def batch(request: Request, answer: Answer) -> Json:  # noqa: ARG001  # the shape of what makes a reply
    """Return what a batch that has begun goes by, or what one call that is answered later goes by."""
    name = "invocationArn" if request.path.endswith("async-invoke") else "jobArn"
    return {name: "arn:aws:bedrock:us-east-1:1:model-invocation-job/j-1"}
