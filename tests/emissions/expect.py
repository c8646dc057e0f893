"""The record of a call, made from what went over the provider's wire and not from anything that was emitted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from fake_provider import Answer, Request, anthropic_messages, cohere, mistral_chat, openai_chat, openai_responses

from .wires.server import WIRES, wire_of

Json = Any
PROVIDERS: Final = {"messages": "anthropic", "cohere": "cohere"}
#: How the names of clients begin that speak OpenAI's format to a provider of their own.
CLIENTS: Final = {
    "groq/": "groq", "together/": "together", "fireworks/": "fireworks_ai", "cerebras/": "cerebras",
    "sambanova/": "sambanova", "mistral": "mistral", "unknown/none; hf_hub": "hugging_face",
    **{wire.name: wire.name for wire in WIRES}
}  # fmt: skip
PARAMS: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
}


def expected(request: Request, answer: Answer) -> dict[str, Json]:
    """Return what a record of this call has to say; what the wire did not say is left out."""
    record = recorded(request, answer)
    if wire := wire_of(record["provider"]):
        wire.changes(record)
    return record


def recorded(request: Request, answer: Answer) -> dict[str, Json]:
    """Return what the wire of a call in the fake provider's formats said."""
    body = request.body
    record: dict[str, Json] = {
        "api": request.api,
        "kind": "embedding" if request.api == "embeddings" else "llm",
        "provider": provider(request),
        "request_model": request.model,
        "stream": request.stream,
        "params": {PARAMS[key]: body[key] for key in PARAMS if body.get(key) is not None},
        "status": "ok" if answer.status == 200 else "error",
    }
    if request.api == "embeddings":
        record["input"] = request.body["input"]
    else:
        record["input_messages"] = asked(request)
        record["tool_definitions"] = [{"name": name, "parameters": schema} for name, schema in request.tools]
    if answer.status != 200:
        return {**record, "error": answer.error}
    record |= {"model": answer.model or request.model, "usage": usage(request, answer)}
    if request.api == "embeddings":
        return record
    said = WIRE[request.api](request, answer)
    return {
        **record,
        "response_id": said["id"],
        "output_messages": [{"role": "assistant", "parts": PARTS[request.api](said)}],
        "finish_reasons": ["tool_call" if answer.tool_calls else "stop"],
    }


def provider(request: Request) -> str:
    """Return who was asked."""
    client = request.headers.get("user-agent", "").lower().removeprefix("async")
    of_client = next((name for start, name in CLIENTS.items() if client.startswith(start)), "openai")
    return PROVIDERS.get(request.api, of_client)


def usage(request: Request, answer: Answer) -> dict[str, int]:
    """Return the counts that are not 0."""
    counts = {
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cache_read": answer.cache_read,
        "cache_write": answer.cache_write,
        "reasoning": answer.reasoning_tokens,
    }
    return {name: count for name, count in counts.items() if count}


def asked(request: Request) -> list[dict[str, Json]]:
    """Return the conversation that was sent, as messages of parts."""
    body = request.body
    told = [body[key] for key in ("system", "instructions") if body.get(key)]
    first = [{"role": "system", "parts": parts(text)} for text in told]
    return [*first, *(turn(message) for message in request.messages)]


def turn(message: Mapping[str, Json]) -> dict[str, Json]:
    """Return one message of any of the wire formats."""
    kind = message.get("type")
    if kind in ("function_call", "reasoning"):
        return {"role": "assistant", "parts": [item(message)]}
    if kind == "function_call_output":
        return {"role": "tool", "parts": [response(message.get("call_id"), message["output"])]}
    if message["role"] == "tool":
        return {"role": "tool", "parts": [response(message.get("tool_call_id"), message["content"])]}
    calls = [call(item["id"], item["function"]) for item in message.get("tool_calls") or ()]
    plan = [{"type": "reasoning", "content": message["tool_plan"]}] if message.get("tool_plan") else []
    return {"role": message["role"], "parts": [*plan, *parts(message.get("content")), *calls]}


def parts(content: Json) -> list[dict[str, Json]]:
    """Return content, text or a list of parts, as parts."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [item(part) for part in content]


def item(part: Mapping[str, Json]) -> dict[str, Json]:
    """Return one part, block or item of any of the wire formats."""
    make = ITEMS.get(part["type"])
    if make is not None:
        return make(part)
    return {"type": "text", "content": part["text"]} if "text" in part["type"] else image(part)


def image(part: Mapping[str, Json]) -> dict[str, Json]:
    """Return an image, inline or by its address."""
    if "source" in part and part["source"]["type"] == "url":
        return {"type": "uri", "uri": part["source"]["url"]}
    if "source" in part:
        return {"type": "blob", "mime_type": part["source"]["media_type"], "content": part["source"]["data"]}
    url = part["image_url"]
    address = url["url"] if isinstance(url, dict) else url
    if not address.startswith("data:"):
        return {"type": "uri", "uri": address}
    head, _, content = address.partition(",")
    return {"type": "blob", "mime_type": head[5:].partition(";")[0], "content": content}


def call(made: Json, function: Mapping[str, Json]) -> dict[str, Json]:
    """Return a tool call."""
    arguments = function["arguments"]
    given = json.loads(arguments) if isinstance(arguments, str) else arguments
    return {"type": "tool_call", "id": made, "name": function["name"], "arguments": given}


def plain(thought: Json) -> str:
    """Return a thought, text or a list of texts, as text."""
    return thought if isinstance(thought, str) else "".join(part["text"] for part in thought)


def response(made: Json, content: Json) -> dict[str, Json]:
    """Return what a tool answered."""
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return {"type": "tool_call_response", "id": made, "response": content}


ITEMS: Final[Mapping[str, Callable[[Mapping[str, Json]], dict[str, Json]]]] = {
    "tool_use": lambda part: call(part["id"], {"name": part["name"], "arguments": part["input"]}),
    "function_call": lambda part: call(part["call_id"], part),
    "tool_result": lambda part: response(part["tool_use_id"], part["content"]),
    "thinking": lambda part: {"type": "reasoning", "content": plain(part["thinking"])},
    "reasoning": lambda part: {"type": "reasoning", "content": "".join(text["text"] for text in part["summary"])},
}


def chat_parts(said: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return what a chat completion says."""
    message = said["choices"][0]["message"]
    thought = message.get("reasoning_content")
    first = [{"type": "reasoning", "content": thought}] if thought else []
    return [*first, *turn(message)["parts"]]


def response_parts(said: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return what a response says."""
    found: list[dict[str, Json]] = []
    for output in said["output"]:
        found += parts(output["content"]) if output["type"] == "message" else [item(output)]
    return found


def message_parts(said: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return what a message of Anthropic says."""
    return parts(said["content"])


WIRE: Final = {
    "chat": openai_chat.completion,
    "responses": openai_responses.response,
    "messages": anthropic_messages.message,
    "mistral": mistral_chat.completion,
    "cohere": cohere.reply,
}
PARTS: Final = {
    "chat": chat_parts, "responses": response_parts, "messages": message_parts,
    "mistral": chat_parts, "cohere": lambda said: turn(said["message"])["parts"],
}  # fmt: skip
