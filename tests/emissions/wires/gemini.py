"""Gemini's API, also as Vertex AI serves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from fake_provider import Answer

from .wire import IMAGE, Json, Wire, call, no_ids, offered, spoken

ROLES: Final = {"model": "assistant"}
#: What the schema of a function is called by newer clients, by older ones, and by that of Vertex AI.
SCHEMAS: Final = ("parametersJsonSchema", "parameters_json_schema", "parameters")


def asked(body: Json) -> dict[str, Json]:
    """Return what was asked in OpenAI's words."""
    told = body.get("systemInstruction")
    turns = [{"role": "system", "content": told["parts"][0]["text"]}] if told else []
    turns += [turn(content) for content in body["contents"]]
    config = body.get("generationConfig", {})
    functions = [function for tool in body.get("tools", ()) for function in tool["functionDeclarations"]]
    tools = [
        offered(f["name"], f.get("description"), next(f[name] for name in SCHEMAS if name in f)) for f in functions
    ]
    params = {"temperature": config.get("temperature"), "max_tokens": config.get("maxOutputTokens")}
    return {"messages": turns, "tools": tools, **params}


def turn(content: Json) -> dict[str, Json]:
    """Return one turn."""
    parts = content["parts"]
    if "functionResponse" in parts[0]:
        return {"role": "tool", "tool_call_id": None, "content": parts[0]["functionResponse"]["response"]}
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    if calls:
        return {"role": "assistant", "tool_calls": [call(made["name"], made["args"], "") for made in calls]}
    role = ROLES.get(content.get("role"), "user")
    if len(parts) == 1:
        return {"role": role, "content": parts[0]["text"]}
    return {"role": role, "content": [piece(part) for part in parts]}


def piece(part: Json) -> dict[str, Json]:
    """Return a text or an image."""
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    data = part["inlineData"]
    plain = data["data"].replace("-", "+").replace("_", "/")  # its base64 is that of addresses
    return {
        "type": "image_url",
        "image_url": {"url": IMAGE.format(data.get("mimeType") or data["mime_type"], plain)},
    }


def answered(completion: Json, answer: Answer) -> Json:
    """Return an answer."""
    message = spoken(completion)
    thought = message.get("reasoning_content")
    parts: list[dict[str, Json]] = [{"text": thought, "thought": True}] if thought else []
    parts += [{"text": message["content"]}] if message.get("content") else []
    for made in message.get("tool_calls") or ():
        function = made["function"]
        parts.append({"functionCall": {"name": function["name"], "args": json.loads(function["arguments"])}})
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": counts(answer),
        "modelVersion": completion["model"],
        "responseId": completion["id"],
    }


def counts(answer: Answer) -> dict[str, int]:
    """Return the tokens; thoughts are not among the candidates'."""
    thoughts = answer.reasoning_tokens or 0
    given, found = answer.input_tokens or 0, answer.output_tokens or 0
    said = {"promptTokenCount": given, "candidatesTokenCount": found - thoughts, "totalTokenCount": given + found}
    more = {"cachedContentTokenCount": answer.cache_read, "thoughtsTokenCount": thoughts}
    return {**said, **{name: count for name, count in more.items() if count}}


def streamed(completion: Json, answer: Answer) -> Iterator[bytes]:
    """Give the answer in two chunks, counts in the last."""
    whole = answered(completion, answer)
    (candidate,) = whole["candidates"]
    text = candidate["content"]["parts"][0].get("text", "")
    pieces = (text[:9], text[9:]) if text else ()
    for at, part in enumerate(pieces):
        content = {"role": "model", "parts": [{"text": part}]}
        chunk = {**whole, "candidates": [{"content": content, "index": 0}]}
        if at:
            chunk["candidates"][0]["finishReason"] = "STOP"
        else:
            del chunk["usageMetadata"]
        yield b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"


def changes(record: dict[str, Json]) -> None:
    """Take out the ids of calls; an answer that calls a tool has stopped."""
    no_ids(record)
    if "finish_reasons" in record:
        record["finish_reasons"] = ["stop"]


WIRE: Final = Wire(
    "google",
    r"/v1(beta)?/models/(?P<model>[^:]+):(streamG|g)enerateContent",
    asked,
    answered,
    streamed,
    lambda path, _: "stream" in path,
    "text/event-stream",
    lambda message: {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}},
    frozenset({"cache_write"}),
    changes,
)
VERTEX: Final = replace(
    WIRE, name="google.vertex", path=r"/v1/publishers/google/models/(?P<model>[^:]+):(streamG|g)enerateContent"
)
