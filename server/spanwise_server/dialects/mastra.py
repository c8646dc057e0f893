"""Mastra: ``mastra.*`` beside GenAI attributes; a call of a model is the innermost of three spans."""

from __future__ import annotations

from typing import Any, Final

from .base import Dialect, Draft
from .decode import decoded, from_json, moment_ns, plain_text
from .messages.vercel import answer, conversation

M: Final = "mastra."
#: Types that GenAI's operations do not tell.
KINDS: Final = {
    "model_generation": "chain", "model_step": "chain", "model_chunk": "span", "generic": None,
    "agent_run": "agent", "tool_call": "tool", "mcp_tool_call": "tool", "model_inference": "llm",
    "memory_operation": "memory", "rag_embedding": "embedding", "processor_run": "chain",
}  # fmt: skip
#: What Mastra itself adds to a run's metadata.
OWN: Final = ("headers", "body", "modelMetadata", "runId")
CONVERSATIONS: Final = ("model_generation", "model_step")


def speaks(draft: Draft) -> bool:
    """Say whether the span has Mastra's attributes."""
    return "mastra" in draft.heads


def read(draft: Draft) -> None:
    """Read ``mastra.*``."""
    attributes = draft.attributes
    kind = plain_text(attributes.get(f"{M}span.type"))
    if kind is not None and attributes.get("gen_ai.operation.name") != "chat":
        draft.say("kind", "chain" if kind.startswith("workflow") else KINDS.get(kind), f"{M}span.type")
    given, made = f"{M}{kind}.input", f"{M}{kind}.output"
    if kind in CONVERSATIONS:
        _conversation(draft, given, made)
    draft.say("input", from_json(attributes.get(given)), given)
    draft.say("output", from_json(attributes.get(made)), made)
    _silences(draft)
    if (first_ns := moment_ns(attributes.get(f"{M}completion_start_time"))) is not None:
        draft.say("ttft_ms", max(0, first_ns - draft.span.start_ns) / 1e6, f"{M}completion_start_time")
    draft.text("status_message", "error.message")
    draft.texts("tags", f"{M}tags")
    start = f"{M}metadata."
    found = {key[len(start) :]: value for key, value in attributes.items() if key.startswith(start)}
    draft.text("session_id", f"{start}sessionId", f"{start}threadId")
    draft.text("user_id", f"{start}userId", f"{start}resourceId")
    draft.merge("metadata", {key: value for key, value in found.items() if key not in OWN}, f"{start}*")


def _conversation(draft: Draft, given: str, made: str) -> None:
    draft.say("input_messages", conversation(draft.attributes.get(given)), given)
    said: Any = decoded(draft.attributes.get(made))
    if isinstance(said, dict):
        found = answer(said.get("text"), said.get("reasoning"), said.get("toolCalls"), said.get("files"))
        draft.say("output_messages", found, made)


def _silences(draft: Draft) -> None:
    """Withhold an answer that is one empty text, which stands for calls of tools that are said elsewhere."""
    key = "gen_ai.output.messages"
    if decoded(draft.attributes.get(key)) == [{"role": "assistant", "parts": [{"type": "text", "content": ""}]}]:
        draft.withhold("output_messages")


DIALECT = Dialect("mastra", speaks, read, heads=frozenset({"mastra"}))
