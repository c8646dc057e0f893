"""OpenTelemetry's GenAI conventions, the newest and the older forms, as attributes and as span events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ..record import PromptUse, Tool
from . import gen_ai_content
from .base import Dialect, Draft
from .decode import count, decoded, number, plain_text
from .messages.message import finish
from .usage import Counts, say_usage

KINDS: Final[dict[str, str]] = {
    "chat": "llm",
    "generate_content": "llm",
    "text_completion": "llm",
    "completion": "llm",
    "generate": "llm",
    "response": "llm",
    "embeddings": "embedding",
    "embedding": "embedding",
    "retrieval": "retriever",
    "vector_db_retrieve": "retriever",
    "rerank": "reranker",
    "invoke_agent": "agent",
    "create_agent": "agent",
    "agent_step": "agent",
    "plan": "agent",
    "invoke_workflow": "chain",
    "execute_task": "chain",
    "execute_tool": "tool",
}
#: Words of memory operations, such as ``search_memory``.
MEMORY: Final = "memory"

U: Final = "gen_ai.usage."
COUNTS: Final = Counts(
    {
        "input_tokens": (f"{U}input_tokens", f"{U}prompt_tokens"),
        "output_tokens": (f"{U}output_tokens", f"{U}completion_tokens"),
        "total_tokens": (f"{U}total_tokens", "llm.usage.total_tokens"),
        "cache_read": (
            f"{U}cache_read.input_tokens", f"{U}cache_read_input_tokens", f"{U}cache_read_tokens",
            f"{U}details.cache_read_tokens", f"{U}details.cache_read_input_tokens",
        ),
        "cache_write": (
            f"{U}cache_write.input_tokens", f"{U}cache_creation.input_tokens", f"{U}cache_creation_input_tokens",
            f"{U}cache_write_tokens", f"{U}details.cache_write_tokens", f"{U}details.cache_creation_input_tokens",
        ),
        "reasoning": (
            f"{U}reasoning.output_tokens", f"{U}reasoning_tokens", f"{U}details.reasoning_tokens",
            f"{U}details.thinking_tokens",
        ),
        "input_audio": (f"{U}audio.input_tokens",),
        "output_audio": (f"{U}audio.output_tokens",),
        "input_image": (f"{U}image.input_tokens",),
        "output_image": (f"{U}image.output_tokens",),
    }
)  # fmt: skip

#: How the names of Google's two ways to Gemini begin.
GOOGLE: Final = "gcp."

#: Parameter -> the attributes that hold it.
PARAMS: Final[dict[str, str]] = {
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.top_k": "top_k",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.max_completion_tokens": "max_completion_tokens",
    "gen_ai.request.seed": "seed",
    "gen_ai.openai.request.seed": "seed",
    "gen_ai.request.stop_sequences": "stop_sequences",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
    "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.repetition_penalty": "repetition_penalty",
    "gen_ai.request.choice.count": "choice_count",
    "gen_ai.request.n": "choice_count",
    "gen_ai.request.reasoning.level": "reasoning_level",
    "gen_ai.request.reasoning_effort": "reasoning_level",
    "gen_ai.request.reasoning_summary": "reasoning_summary",
    "gen_ai.request.encoding_formats": "encoding_formats",
    "gen_ai.request.stream": "stream",
    "gen_ai.is_streaming": "stream",
    "gen_ai.request.structured_output_schema": "output_schema",
    "gen_ai.request.previous_response.id": "previous_response_id",
    "gen_ai.output.type": "output_type",
    "gen_ai.openai.request.response_format": "output_type",
    "gen_ai.embeddings.dimension.count": "dimensions",
    "gen_ai.retrieval.top_k": "top_k",
    "openai.request.service_tier": "service_tier",
    "gen_ai.openai.request.service_tier": "service_tier",
}
#: Longer than anybody waits for a first token.
_LONGEST_WAIT_S: Final = 1e6
#: The tier that was served says the price, so it stands over the one that was asked for.
SERVED_TIER: Final = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
)


def speaks(draft: Draft) -> bool:
    """Say whether the span has GenAI attributes or events."""
    return "gen_ai" in draft.heads or any(event.name.startswith("gen_ai.") for event in draft.span.events)


def read(draft: Draft) -> None:
    """Read ``gen_ai.*``."""
    _operation(draft)
    draft.text("provider", "gen_ai.provider.name", "gen_ai.system")
    draft.text("request_model", "gen_ai.request.model")
    draft.text("model", "gen_ai.response.model", "gen_ai.request.model")
    draft.text("response_id", "gen_ai.response.id")
    _params(draft)
    gen_ai_content.read(draft)
    if "tool" not in draft.said:
        _tool(draft)
    draft.objects("documents", "gen_ai.retrieval.documents")
    draft.text("input", "gen_ai.retrieval.query.text")
    say_usage(draft, COUNTS)
    if "usage" in draft.said and (draft.said.get("provider") or "").startswith(GOOGLE):
        _thoughts(draft)
    draft.number("reported_cost_usd", "gen_ai.usage.cost")
    _first_chunk(draft)
    draft.texts("finish_reasons", "gen_ai.response.finish_reasons", "anthropic.message.stop_reason")
    if "finish_reasons" in draft.said:
        draft.said["finish_reasons"] = tuple(finish(reason) or reason for reason in draft.said["finish_reasons"])
    draft.text("session_id", "session.id", "gen_ai.conversation.id")
    draft.text("user_id", "user.id", "enduser.id", "gen_ai.user")
    draft.text("trace_name", "gen_ai.workflow.name")
    _prompt(draft)


def _operation(draft: Draft) -> None:
    operation = draft.attributes.get("gen_ai.operation.name")
    if not isinstance(operation, str) or not operation:
        return
    draft.say("operation", operation, "gen_ai.operation.name")
    kind = KINDS.get(operation.lower())
    if kind is None and MEMORY in operation:
        kind = "memory"
    draft.say("kind", kind, "gen_ai.operation.name")
    if kind == "agent":
        draft.text("name", "gen_ai.agent.name")


def _params(draft: Draft) -> None:
    found: dict[str, Any] = {}
    for key in _names_of_params(draft):
        value = draft.attributes.get(key)
        if value is not None and value != "":
            found.setdefault(PARAMS[key], value)
    for key in SERVED_TIER:
        if tier := plain_text(draft.attributes.get(key)):
            found["service_tier"] = tier
            break
    draft.merge("params", found, "gen_ai.request.*")


def _names_of_params(draft: Draft) -> tuple[str, ...]:
    plans = draft.shape.plans
    names: tuple[str, ...] | None = plans.get("params")
    if names is None:
        names = plans["params"] = tuple([key for key in draft.attributes if key in PARAMS])
    return names


def _tool(draft: Draft) -> None:
    attributes = draft.attributes
    name = plain_text(attributes.get("gen_ai.tool.name"))
    call_id = plain_text(attributes.get("gen_ai.tool.call.id"))
    if name is None and call_id is None:
        return
    arguments = attributes.get("gen_ai.tool.call.arguments", attributes.get("tool_arguments"))
    result = attributes.get("gen_ai.tool.call.result", attributes.get("tool_response"))
    tool = Tool(name=name, call_id=call_id, arguments=decoded(arguments), result=decoded(result))
    draft.say("tool", tool, "gen_ai.tool.name" if name is not None else "gen_ai.tool.call.id")


def _first_chunk(draft: Draft) -> None:
    for key in (
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.server.time_to_first_token",
    ):
        seconds = number(draft.attributes.get(key))
        if seconds is not None and seconds >= 0:
            draft.say("ttft_ms", _milliseconds(seconds), key)
            return


def _milliseconds(seconds: float) -> float:
    """Return milliseconds to the nanosecond; to round by so many digits takes as long as to read a short message."""
    if seconds > _LONGEST_WAIT_S:
        return round(seconds * 1000, 6)
    return int(seconds * 1e9 + 0.5) / 1e6


def _thoughts(draft: Draft) -> None:
    """Count what Gemini thought, which is no part of what it counts as its answer, where only the total has it."""
    usage, total = draft.said["usage"], count(draft.attributes.get(f"{U}total_tokens"))
    if usage is not None and usage.reasoning is None and total is not None:
        more = total - (usage.total_tokens or 0)
        if more > 0:
            draft.said["usage"] = replace(usage, reasoning=more)


def _prompt(draft: Draft) -> None:
    if "prompt" in draft.said or (name := plain_text(draft.attributes.get("gen_ai.prompt.name"))) is None:
        return
    version = plain_text(draft.attributes.get("gen_ai.prompt.version"))
    draft.say("prompt", PromptUse(name=name, version=version), "gen_ai.prompt.name")


DIALECT = Dialect("gen_ai", speaks, read)
