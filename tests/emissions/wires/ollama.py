"""Ollama's API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from fake_provider import Answer

from .wire import IMAGE, Json, Wire, call, no_ids, spoken

END: Final = {"created_at": "2026-11-24T00:00:00Z", "total_duration": 5_000, "eval_duration": 4_000}


def asked(body: Json) -> dict[str, Json]:
    """Return what was asked in OpenAI's words."""
    options = body.get("options") or {}
    return {
        "model": body["model"],
        "messages": [turn(message) for message in body["messages"]],
        "tools": body.get("tools") or [],
        "temperature": options.get("temperature"),
        "max_tokens": options.get("num_predict"),
    }


def turn(message: Json) -> dict[str, Json]:
    """Return one turn."""
    if message["role"] == "tool":
        return {"role": "tool", "tool_call_id": None, "content": message["content"]}
    made = [
        call(each["function"]["name"], each["function"]["arguments"], "") for each in message.get("tool_calls") or ()
    ]
    if made:
        return {"role": "assistant", "tool_calls": made}
    if message.get("images"):
        images = [{"type": "image_url", "image_url": {"url": IMAGE.format("image/png", i)}} for i in message["images"]]
        return {"role": message["role"], "content": [{"type": "text", "text": message["content"]}, *images]}
    return {"role": message["role"], "content": message["content"]}


def answered(completion: Json, answer: Answer) -> Json:
    """Return an answer."""
    message = spoken(completion)
    said: dict[str, Json] = {"role": "assistant", "content": message.get("content") or ""}
    if message.get("reasoning_content"):
        said["thinking"] = message["reasoning_content"]
    if message.get("tool_calls"):
        functions = [made["function"] for made in message["tool_calls"]]
        said["tool_calls"] = [
            {"function": {"name": each["name"], "arguments": json.loads(each["arguments"])}} for each in functions
        ]
    counted = {"prompt_eval_count": answer.input_tokens, "eval_count": answer.output_tokens}
    return {"model": completion["model"], "message": said, "done": True, "done_reason": "stop", **counted, **END}


def streamed(completion: Json, answer: Answer) -> Iterator[bytes]:
    """Give the answer in lines, counts in the last."""
    whole = answered(completion, answer)
    text = whole["message"]["content"]
    for piece in (text[:9], text[9:]):
        line = {"model": whole["model"], "message": {"role": "assistant", "content": piece}, "done": False}
        yield json.dumps({**line, "created_at": END["created_at"]}).encode() + b"\n"
    yield json.dumps({**whole, "message": {"role": "assistant", "content": ""}}).encode() + b"\n"


def changes(record: dict[str, Json]) -> None:
    """Take out the ids, which Ollama does not give; an answer that calls a tool has stopped."""
    no_ids(record)
    record.pop("response_id", None)
    if "finish_reasons" in record:
        record["finish_reasons"] = ["stop"]


WIRE: Final = Wire(
    "ollama",
    r"/api/chat",
    asked,
    answered,
    streamed,
    lambda _, body: body.get("stream", True),
    "application/x-ndjson",
    lambda message: {"error": message},
    frozenset({"cache_read", "cache_write", "reasoning_tokens"}),
    changes,
)
