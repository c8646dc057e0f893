"""Mistral's conversations, which are kept by it: what is added to one, and what a model or an agent answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..instrument.engine import Route
from ..instrument.generation import Generation, Message, tool_call_part
from ..prompts import find_prompt
from .content import functions, text_part
from .mistral_content import PARAMS, plain_value, read_part

_OTHER_PARAMS: Final = ("agent_id", "conversation_id", "store", "handoff_execution", "tool_choice", "reasoning_effort")


def request(g: Generation, body: Mapping[str, Any]) -> None:
    """Read what is added."""
    settings = plain_value(body.get("completion_args")) or {}
    given = {name: value for name, value in {**settings, **body}.items() if value is not None}
    g.params({name: plain_value(value) for name, value in given.items()}, PARAMS, _OTHER_PARAMS)
    inputs, instructions = body.get("inputs"), body.get("instructions")
    g.prompt = find_prompt([instructions, inputs])
    if not g.content:
        return
    said: list[Message] = []
    if isinstance(instructions, str):
        said.append({"role": "system", "parts": [text_part(instructions)]})
    entries = [{"content": inputs}] if isinstance(inputs, str) else inputs
    if isinstance(entries, list | tuple):
        said += [_entry(plain_value(entry)) for entry in entries]
    g.asked(said)
    tools = body.get("tools")
    g.tools(functions([plain_value(tool) for tool in tools]) if isinstance(tools, list | tuple) else [])


def _entry(entry: Mapping[str, Any]) -> Message:
    if entry.get("type") == "function.result":
        told = {"type": "tool_call_response", "id": entry.get("tool_call_id"), "response": entry.get("result")}
        return {"role": "tool", "parts": [told]}
    if entry.get("type") == "function.call":
        called = tool_call_part(entry.get("tool_call_id"), entry.get("name"), entry.get("arguments"))
        return {"role": "assistant", "parts": [called]}
    content = entry.get("content")
    pieces = [content] if isinstance(content, str) else content or ()
    return {"role": entry.get("role") or "user", "parts": [read_part(piece) for piece in pieces]}


def response(g: Generation, answer: Any) -> None:
    """Read all that came of it: what was said, and which tools are wanted."""
    g.head(None, next(filter(None, map(_model, answer.outputs)), None))
    for entry in answer.outputs:
        if entry.type == "message.output":
            for piece in [entry.content] if isinstance(entry.content, str) else entry.content:
                g.part(read_part(piece))
        elif entry.type == "function.call":
            g.part(tool_call_part(entry.tool_call_id, entry.name, entry.arguments))
    _usage(g, answer.usage)


def chunk(g: Generation, event: Any) -> None:
    """Read one event of what is streamed."""
    told = event.data
    kind = told.type
    if kind == "message.output.delta":
        g.head(None, _model(told))
        part = read_part(told.content)
        if part["type"] in ("text", "reasoning"):
            g.text(part["content"], kind=part["type"])
    elif kind == "function.call.delta":
        index = told.output_index or 0
        g.tool_call(index=index, call_id=told.tool_call_id, name=told.name or None, arguments=told.arguments)
    elif kind == "conversation.response.done":
        _usage(g, told.usage)
    elif kind == "conversation.response.error":
        g.failure = ("error", str(told.message))


def _model(entry: Any) -> str | None:
    named = getattr(entry, "model", None)
    return named if isinstance(named, str) else None


def _usage(g: Generation, usage: Any) -> None:
    g.usage(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens)


ROUTE: Final = Route("chat", "llm", request, response, chunk)
