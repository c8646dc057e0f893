"""Vercel's AI SDK up to version 6, and its legacy exporter after that: ``ai.*`` on an outer span and an inner one.

The outer span of ``generateText`` sums up the inner ones, one for each call of the model, so it is a chain.
"""

from __future__ import annotations

from typing import Any, Final

from ..record import PromptUse, Tool
from .base import Dialect, Draft
from .decode import decoded, plain_text
from .messages.tools import tool_definitions
from .messages.vercel import answer, conversation
from .provider_usage import provider_usage
from .usage import Counts, counted, say_usage

#: The end of an operation's id -> kind.
KINDS: Final = {"doGenerate": "llm", "doStream": "llm", "doEmbed": "embedding", "doRerank": "reranker"}
U: Final = "ai.usage."
COUNTS: Final = Counts(
    {
        "input_tokens": (f"{U}inputTokens", f"{U}promptTokens", f"{U}tokens"),
        "output_tokens": (f"{U}outputTokens", f"{U}completionTokens"),
        "total_tokens": (f"{U}totalTokens",),
        "cache_read": (f"{U}inputTokenDetails.cacheReadTokens", f"{U}cachedInputTokens"),
        "cache_write": (f"{U}inputTokenDetails.cacheWriteTokens",),
        "reasoning": (f"{U}outputTokenDetails.reasoningTokens", f"{U}reasoningTokens"),
    }
)
#: Version 5 passes Anthropic's counts on as they are; version 6 adds them up and says what is in them.
ANTHROPIC: Final = Counts({**COUNTS.keys}, input_includes_cache=False)
PARAMS: Final = {
    "ai.settings.maxOutputTokens": "max_tokens",
    "ai.settings.maxTokens": "max_tokens",
    "ai.settings.temperature": "temperature",
    "ai.settings.topP": "top_p",
    "ai.settings.topK": "top_k",
    "ai.settings.seed": "seed",
    "ai.settings.frequencyPenalty": "frequency_penalty",
    "ai.settings.presencePenalty": "presence_penalty",
    "ai.settings.stopSequences": "stop_sequences",
    "ai.settings.output": "output_type",
    "ai.prompt.toolChoice": "tool_choice",
}
CACHE_WRITE: Final = f"{U}inputTokenDetails.cacheWriteTokens"
PROVIDER: Final = "ai.response.providerMetadata"
METADATA: Final = "ai.telemetry.metadata."


def speaks(draft: Draft) -> bool:
    """Say whether the span is one of the AI SDK's."""
    return "ai" in draft.heads and "ai.operationId" in draft.attributes


def read(draft: Draft) -> None:
    """Read ``ai.*``."""
    attributes = draft.attributes
    operation = plain_text(attributes.get("ai.operationId")) or ""
    kind = "tool" if operation == "ai.toolCall" else KINDS.get(operation.rpartition(".")[2], "chain")
    if operation:
        draft.say("kind", kind, "ai.operationId")
    if kind == "chain":
        draft.text("name", "ai.telemetry.functionId")
    draft.text("provider", "ai.model.provider")
    draft.text("request_model", "ai.model.id")
    draft.text("model", "ai.response.model")
    draft.text("response_id", "ai.response.id")
    params = {name: decoded(attributes[key]) for key, name in PARAMS.items() if key in attributes}
    if operation.endswith(".doStream"):
        params["stream"] = True
    draft.merge("params", params, "ai.settings.*")
    if kind == "tool":
        _tool(draft)
    _content(draft)
    _usage(draft)
    draft.number("ttft_ms", "ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")
    _metadata(draft)


def _usage(draft: Draft) -> None:
    """Read the counts; those of the cache that version 5 leaves out are among what the provider itself tells."""
    if f"{U}inputTokenDetails.noCacheTokens" in draft.attributes:
        say_usage(draft, COUNTS)
        return
    told = decoded(draft.attributes.get(PROVIDER))
    if not isinstance(told, dict):
        told = {}
    if str(draft.attributes.get("ai.model.provider")).startswith("anthropic"):
        draft.say("usage", provider_usage(_usage_of(told, "anthropic")), PROVIDER)
        say_usage(draft, ANTHROPIC)
        return
    written = {CACHE_WRITE: _usage_of(told, "openai").get("cacheWriteTokens")}
    usage, source = counted({**written, **draft.attributes}, COUNTS)
    if any(key.startswith(U) for key in draft.attributes):
        draft.say("usage", usage, source)


def _usage_of(told: dict[str, Any], provider: str) -> dict[str, Any]:
    """Return a provider's own counts."""
    inside = told.get(provider)
    usage = inside.get("usage") if isinstance(inside, dict) else None
    return usage if isinstance(usage, dict) else {}


def _content(draft: Draft) -> None:
    said = draft.attributes.get
    for key in ("ai.prompt.messages", "ai.prompt"):
        draft.say("input_messages", conversation(said(key)), key)
    text = said("ai.response.text", said("ai.response.object"))
    answered = answer(
        text, said("ai.response.reasoning"), said("ai.response.toolCalls"), said("ai.response.files"),
        said("ai.response.finishReason"),
    )  # fmt: skip
    draft.say("output_messages", answered, "ai.response.*")
    if "ai.prompt.tools" in draft.attributes:
        draft.say("tool_definitions", tool_definitions(said("ai.prompt.tools")), "ai.prompt.tools")
    if (embedded := said("ai.values", said("ai.value"))) is not None:
        items = [decoded(item) for item in embedded] if isinstance(embedded, list | tuple) else decoded(embedded)
        draft.say("input", items, "ai.values")
    draft.texts("finish_reasons", "ai.response.finishReason")


def _tool(draft: Draft) -> None:
    said = draft.attributes.get
    tool = Tool(
        name=plain_text(said("ai.toolCall.name")),
        call_id=plain_text(said("ai.toolCall.id")),
        arguments=decoded(said("ai.toolCall.args")),
        result=decoded(said("ai.toolCall.result")),
    )
    draft.say("tool", tool, "ai.toolCall.*")


def _metadata(draft: Draft) -> None:
    start = len(METADATA)
    found: dict[str, Any] = {key[start:]: value for key, value in draft.attributes.items() if key.startswith(METADATA)}
    if not found:
        return
    draft.text("session_id", f"{METADATA}sessionId")
    draft.text("user_id", f"{METADATA}userId")
    draft.texts("tags", f"{METADATA}tags")
    prompt = decoded(found.pop("langfusePrompt", None))
    if isinstance(prompt, dict) and isinstance(prompt.get("name"), str):
        use = PromptUse(name=prompt["name"], version=plain_text(prompt.get("version")))
        draft.say("prompt", use, f"{METADATA}langfusePrompt")
    for known in ("sessionId", "userId", "tags"):
        found.pop(known, None)
    draft.merge("metadata", found, f"{METADATA}*")


DIALECT = Dialect("vercel", speaks, read, heads=frozenset({"ai"}))
