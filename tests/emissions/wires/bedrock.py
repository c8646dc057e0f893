"""Bedrock's Converse."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Final
from zlib import crc32

from fake_provider import Answer

from .wire import IMAGE, Json, Wire, call, offered, spoken, text_parts

STRING: Final = 7
"""The type of a header in an event stream."""


def asked(body: Json) -> dict[str, Json]:
    """Return what was asked in OpenAI's words."""
    turns = [{"role": "system", "content": block["text"]} for block in body.get("system", ())]
    turns += [turn(message) for message in body["messages"]]
    config = body.get("inferenceConfig", {})
    specs = [tool["toolSpec"] for tool in body.get("toolConfig", {}).get("tools", ())]
    tools = [offered(spec["name"], spec.get("description"), spec["inputSchema"]["json"]) for spec in specs]
    params = {"temperature": config.get("temperature"), "max_tokens": config.get("maxTokens")}
    return {"messages": turns, "tools": tools, **params}


def turn(message: Json) -> dict[str, Json]:
    """Return one turn."""
    blocks = message["content"]
    if "toolResult" in blocks[0]:
        result = blocks[0]["toolResult"]
        return {"role": "tool", "tool_call_id": result["toolUseId"], "content": result["content"][0]["text"]}
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    if uses:
        return {"role": "assistant", "tool_calls": [call(use["name"], use["input"], use["toolUseId"]) for use in uses]}
    images = [block["image"] for block in blocks if "image" in block]
    texts = [block["text"] for block in blocks if "text" in block]
    if not images:
        return {"role": message["role"], "content": text_parts(texts)}
    urls = [IMAGE.format(f"image/{image['format']}", image["source"]["bytes"]) for image in images]
    shown = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": message["role"], "content": [{"type": "text", "text": text} for text in texts] + shown}


def answered(completion: Json, answer: Answer) -> Json:
    """Return an answer."""
    message = spoken(completion)
    blocks: list[dict[str, Json]] = []
    if message.get("reasoning_content"):
        blocks.append({"reasoningContent": {"reasoningText": {"text": message["reasoning_content"]}}})
    if message.get("content"):
        blocks.append({"text": message["content"]})
    calls = message.get("tool_calls") or ()
    for made in calls:
        function = made["function"]
        use = {"toolUseId": made["id"], "name": function["name"], "input": json.loads(function["arguments"])}
        blocks.append({"toolUse": use})
    return {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": "tool_use" if calls else "end_turn",
        "usage": counts(answer),
        "metrics": {"latencyMs": 5},
    }


def counts(answer: Answer) -> dict[str, int]:
    """Return the tokens; what came from a cache or went to it is not among the input's."""
    cached = answer.cache_read + answer.cache_write
    given, found = answer.input_tokens or 0, answer.output_tokens or 0
    said = {"inputTokens": given - cached, "outputTokens": found, "totalTokens": given + found}
    return {**said, "cacheReadInputTokens": answer.cache_read, "cacheWriteInputTokens": answer.cache_write}


def streamed(completion: Json, answer: Answer) -> Iterator[bytes]:
    """Give an answer of text in events."""
    text = spoken(completion)["content"]
    yield event("messageStart", {"role": "assistant"})
    for piece in (text[:9], text[9:]):
        yield event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
    yield event("contentBlockStop", {"contentBlockIndex": 0})
    yield event("messageStop", {"stopReason": "end_turn"})
    yield event("metadata", {"usage": counts(answer), "metrics": {"latencyMs": 5}})


def event(name: str, body: Json) -> bytes:
    """Return one event in Amazon's binary framing."""
    said = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(key)) + key.encode() + struct.pack(">BH", STRING, len(value)) + value.encode()
        for key, value in said.items()
    )
    payload = json.dumps(body).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def changes(record: dict[str, Json]) -> None:
    """Take out the id and the count of thoughts, which Converse does not give."""
    record.pop("response_id", None)


WIRE: Final = Wire(
    "aws.bedrock",
    r"/model/(?P<model>[^/]+)/converse(-stream)?",
    asked,
    answered,
    streamed,
    lambda path, _: path.endswith("stream"),
    "application/vnd.amazon.eventstream",
    lambda message: {"message": message, "__type": "ThrottlingException"},
    frozenset({"reasoning_tokens"}),
    changes,
)
