"""OpenLLMetry (Traceloop): ``traceloop.*`` around GenAI attributes, and the ``llm.*`` of its older releases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..record import PromptUse, Tool
from .base import Dialect, Draft
from .decode import decoded, plain_text
from .messages.parts import part
from .usage import Counts, say_usage

KINDS = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
REQUESTS = {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"}
SIGNS = ("llm.request.type", "llm.is_streaming", "llm.usage.total_tokens", "llm.usage.prompt_tokens")
COUNTS = Counts(
    {
        "input_tokens": ("llm.usage.prompt_tokens",),
        "output_tokens": ("llm.usage.completion_tokens",),
        "total_tokens": ("llm.usage.total_tokens",),
        "cache_read": ("llm.usage.cache_read_input_tokens",),
        "cache_write": ("llm.usage.cache_creation_input_tokens",),
        "reasoning": ("llm.usage.reasoning_tokens",),
    }
)
PARAMS = {
    "llm.frequency_penalty": "frequency_penalty",
    "llm.presence_penalty": "presence_penalty",
    "llm.top_k": "top_k",
    "llm.chat.stop_sequences": "stop_sequences",
    "llm.is_streaming": "stream",
    "llm.request.repetition_penalty": "repetition_penalty",
}
ASSOCIATION = "traceloop.association.properties."
LANGCHAIN = "opentelemetry.instrumentation.langchain"
BEDROCK = "opentelemetry.instrumentation.bedrock"
MCP = "opentelemetry.instrumentation.mcp.instrumentation"
#: Scopes of OpenLLMetry end in a version, such as ``opentelemetry.instrumentation.openai.v1``.
SCOPES = ("opentelemetry.instrumentation.openai.v0", "opentelemetry.instrumentation.openai.v1", BEDROCK)


def speaks(draft: Draft) -> bool:
    """Say whether the span has OpenLLMetry's attributes or comes from one of its instrumentations."""
    if "traceloop" in draft.heads or draft.span.scope.name in SCOPES:
        return True
    return "llm" in draft.heads and any(key in draft.attributes for key in SIGNS)


def read(draft: Draft) -> None:
    """Read OpenLLMetry's attributes."""
    attributes = draft.attributes
    _kind(draft)
    draft.text("name", "traceloop.entity.name")
    draft.text("trace_name", "traceloop.workflow.name")
    draft.text("model", "llm.response.model", "llm.request.model")
    draft.text("request_model", "llm.request.model")
    draft.merge("params", {name: attributes[key] for key, name in PARAMS.items() if key in attributes}, "llm.*")
    _input(draft)
    draft.value("output", "traceloop.entity.output")
    if draft.span.scope.name == MCP:
        _mcp(draft)
    if draft.span.scope.name == LANGCHAIN:
        _without_echoes(draft)
    elif draft.span.scope.name == BEDROCK and (said := draft.said.get("output_messages")):
        draft.said["output_messages"] = tuple({**turn, "parts": list(map(_block, turn["parts"]))} for turn in said)
    if draft.said.get("kind") == "tool" and "tool" not in draft.said:
        draft.say("tool", _tool(draft), "traceloop.entity.name")
    if "llm.request.functions.0.name" in attributes:
        draft.say("tool_definitions", _functions(draft), "llm.request.functions.*")
    say_usage(draft, COUNTS)
    draft.texts(
        "finish_reasons", "gen_ai.response.finish_reason", "gen_ai.response.stop_reason",
        "llm.response.finish_reason", "llm.response.stop_reason",
    )  # fmt: skip
    _first_chunk(draft)
    draft.text("session_id", *(ASSOCIATION + key for key in ("session_id", "conversation_id", "thread_id", "chat_id")))
    draft.text("user_id", f"{ASSOCIATION}user_id", "llm.user")
    if "traceloop" in draft.heads:
        start = len(ASSOCIATION)
        metadata = {key[start:]: value for key, value in attributes.items() if key.startswith(ASSOCIATION)}
        draft.merge("metadata", metadata, f"{ASSOCIATION}*")
        _prompt(draft)


def _input(draft: Draft) -> None:
    """Read what a step was given; of an embedding, the texts themselves."""
    draft.value("input", "traceloop.entity.input")
    given = draft.said.get("input")
    if draft.said.get("kind") == "embedding" and isinstance(given, dict) and given.keys() == {"texts"}:
        draft.said["input"] = given["texts"]


def _mcp(draft: Draft) -> None:
    """Read a request of the Model Context Protocol; of a tool that was called, what it was given and gave back."""
    if draft.said.get("kind") != "tool":
        draft.say("kind", "mcp", "scope")
        return
    given, gave = draft.said.get("input"), draft.said.get("output")
    if isinstance(given, dict) and "tool_name" in given:
        draft.said["input"] = given.get("arguments")
    if isinstance(gave, dict) and gave.keys() <= {"result", "is_error"}:
        draft.said["output"] = gave.get("result")


def _without_echoes(draft: Draft) -> None:
    """Drop texts that are JSON of a tool call beside them: Anthropic's blocks as LangChain has them."""
    for field in ("input_messages", "output_messages"):
        found = draft.said.get(field)
        if found and any(part["type"] == "tool_call" for turn in found for part in turn["parts"]):
            draft.said[field] = tuple({**turn, "parts": list(filter(_is_no_echo, turn["parts"]))} for turn in found)


def _block(said: dict[str, Any]) -> dict[str, Any]:
    """Return a thought of Bedrock's that stands as JSON in a text as what it is."""
    text = said.get("content") if said["type"] == "text" else None
    if not isinstance(text, str) or not text.startswith('{"reasoningContent"'):
        return said
    return part(decoded(text)) if isinstance(decoded(text), dict) else said


def _is_no_echo(part: Mapping[str, Any]) -> bool:
    inside = decoded(part.get("content")) if part["type"] == "text" else None
    return not (isinstance(inside, dict) and inside.get("type") == "tool_use")


def _kind(draft: Draft) -> None:
    for key, kinds in (("traceloop.span.kind", KINDS), ("llm.request.type", REQUESTS)):
        kind = draft.attributes.get(key)
        if isinstance(kind, str):
            draft.say("kind", kinds.get(kind.lower()), key)


def _tool(draft: Draft) -> Tool:
    attributes = draft.attributes
    return Tool(
        name=plain_text(attributes.get("traceloop.entity.name")),
        arguments=draft.said.get("input", decoded(attributes.get("traceloop.entity.input"))),
        result=draft.said.get("output", decoded(attributes.get("traceloop.entity.output"))),
    )


def _functions(draft: Draft) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    while (name := draft.attributes.get(f"llm.request.functions.{len(found)}.name")) is not None:
        prefix = f"llm.request.functions.{len(found)}."
        tool: dict[str, Any] = {"type": "function", "name": name}
        for key in ("description", "parameters"):
            if (value := decoded(draft.attributes.get(prefix + key))) is not None:
                tool[key] = value
        found.append(tool)
    return tuple(found)


def _first_chunk(draft: Draft) -> None:
    for event in draft.span.events:
        if event.name in ("gen_ai.content.completion.chunk", "llm.content.completion.chunk"):
            draft.say("ttft_ms", max(0, event.time_ns - draft.span.start_ns) / 1e6, f"event {event.name}")
            return


def _prompt(draft: Draft) -> None:
    attributes = draft.attributes
    name = plain_text(attributes.get("traceloop.prompt.key"))
    if name is None:
        return
    version = attributes.get("traceloop.prompt.version", attributes.get("traceloop.prompt.version_name"))
    variables = decoded(attributes.get("traceloop.prompt.template_variables"))
    prompt = PromptUse(
        name=name,
        version=plain_text(version),
        hash=plain_text(attributes.get("traceloop.prompt.version_hash")),
        template=decoded(attributes.get("traceloop.prompt.template")),
        variables=variables if isinstance(variables, dict) else None,
    )
    draft.say("prompt", prompt, "traceloop.prompt.key")


DIALECT = Dialect("traceloop", speaks, read)
