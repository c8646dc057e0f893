"""OpenInference, as Arize's instrumentors write it: flattened lists under ``llm.``, ``input.`` and ``output.``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from ..record import Tool
from . import (
    openinference_google,
    openinference_groq,
    openinference_langchain,
    openinference_llama_index,
    openinference_mistral,
    openinference_ollama,
    openinference_vertexai,
)
from .base import Dialect, Draft
from .decode import decoded, plain_text
from .messages import exchange
from .openinference_content import documents, flattened, messages, texts, tool_definitions, with_parts
from .usage import Counts, say_usage

KIND = "openinference.span.kind"
T = "llm.token_count."
COUNTS = Counts(
    {
        "input_tokens": (f"{T}prompt",),
        "output_tokens": (f"{T}completion",),
        "total_tokens": (f"{T}total",),
        "cache_read": (f"{T}prompt_details.cache_read",),
        "cache_write": (f"{T}prompt_details.cache_write",),
        "reasoning": (f"{T}completion_details.reasoning",),
        "input_audio": (f"{T}prompt_details.audio",),
        "output_audio": (f"{T}completion_details.audio",),
    }
)
#: Field, the flattened list that says it, and how to read the list.
LISTS: Final[tuple[tuple[str, str, Callable[[list[dict[str, Any]]], Any]], ...]] = (
    ("input_messages", "llm.input_messages.", partial(messages, role="user")),
    ("output_messages", "llm.output_messages.", partial(messages, role="assistant")),
    ("input_messages", "llm.prompts.", partial(texts, role="user")),
    ("output_messages", "llm.choices.", partial(texts, role="assistant")),
    ("tool_definitions", "llm.tools.", tool_definitions),
    ("documents", "retrieval.documents.", documents),
    ("documents", "reranker.output_documents.", documents),
    ("documents", "reranker.input_documents.", documents),
)
#: Members of an answer that are no parameters.
NO_PARAMS: Final = frozenset(
    {"id", "created_at", "completed_at", "instructions", "metadata", "object", "output", "status", "text", "tools",
     "usage"}
)  # fmt: skip
DSPY: Final = "openinference.instrumentation.dspy"
#: Scope -> what completes a span of it from what only it says.
COMPLETE: Final[Mapping[str, Callable[[Draft], None]]] = {
    of.SCOPE: of.complete
    for of in (
        openinference_google,
        openinference_groq,
        openinference_langchain,
        openinference_llama_index,
        openinference_mistral,
        openinference_ollama,
        openinference_vertexai,
    )
}
#: Amazon's names of parameters -> ours.
AMAZON: Final = {"maxTokens": "max_tokens", "topP": "top_p", "topK": "top_k", "stopSequences": "stop_sequences"}
#: Kinds with another name here.
KINDS = {"unknown": "span"}
#: The id of an answer in JSON: its first member, or the one after the choices that a stream was put together from.
ID: Final = re.compile(r'(?:^\{|\}\], )"id": ?"([^"\\]+)"')
#: What requests in OpenAI's API name the call by that a tool answers.
CALL_ID: Final = '"tool_call_id"'
#: Where providers with OpenAI's API put what a model thought; the flattened lists have no place for it.
THOUGHTS: Final = '"reasoning_content"'
#: Attributes by which a span is known whose kind was left out.
SIGNS = ("llm.model_name", "llm.token_count.prompt", "llm.token_count.completion", "embedding.model_name")


def speaks(draft: Draft) -> bool:
    """Say whether the span has OpenInference's kind, or the attributes that only it writes."""
    if "openinference" in draft.heads:
        return True
    return not draft.heads.isdisjoint(("llm", "embedding")) and any(key in draft.attributes for key in SIGNS)


def read(draft: Draft) -> None:
    """Read OpenInference's attributes."""
    _kind(draft)
    draft.text("provider", "llm.provider", "llm.system")
    draft.text("request_model", "llm.request.model_name")
    _params(draft)
    draft.text("request_model", "llm.model_name", "embedding.model_name")
    draft.text(
        "model", "llm.response.model_name", "llm.model_name", "llm.request.model_name",
        "embedding.model_name", "reranker.model_name",
    )  # fmt: skip
    _content(draft)
    _response_id(draft)
    say_usage(draft, COUNTS)
    if (complete := COMPLETE.get(draft.span.scope.name)) is not None:
        complete(draft)
    draft.number("reported_cost_usd", "llm.cost.total")
    draft.number("reported_input_cost_usd", "llm.cost.prompt")
    draft.number("reported_output_cost_usd", "llm.cost.completion")
    draft.texts("finish_reasons", "llm.finish_reason")
    _first_token(draft)
    draft.text("session_id", "session.id")
    draft.text("user_id", "user.id", "llm.user")
    draft.texts("tags", "tag.tags")
    if isinstance(metadata := decoded(draft.attributes.get("metadata")), dict):
        draft.merge("metadata", metadata, "metadata")


def _kind(draft: Draft) -> None:
    kind = draft.attributes.get(KIND)
    if isinstance(kind, str) and kind:
        kind = kind.lower()
        draft.prefer("kind", KINDS.get(kind, kind), KIND, over=("gen_ai",))
    if draft.said.get("kind") == "agent":
        draft.text("name", "agent.name")


def _params(draft: Draft) -> None:
    """Read the request's parameters, among which stands the model that was asked for."""
    for key in ("llm.invocation_parameters", "embedding.invocation_parameters"):
        if isinstance(params := decoded(draft.attributes.get(key)), dict):
            draft.say("request_model", plain_text(params.pop("model", None)), key)
            if "created_at" in params:  # a whole answer of OpenAI's Responses, which repeats what was asked for
                params = {name: value for name, value in params.items() if name not in NO_PARAMS and value is not None}
            ours = {str(AMAZON.get(str(name), name)): value for name, value in params.items()}
            draft.merge("params", ours, key)


def _response_id(draft: Draft) -> None:
    """Read the id of the provider's answer, without parsing the rest of it."""
    whole = draft.attributes.get("output.value")
    if isinstance(whole, str) and whole[:1] == "{" and draft.said.get("kind") == "llm" and (found := ID.search(whole)):
        draft.say("response_id", found.group(1), "output.value")


def _content(draft: Draft) -> None:
    lists = flattened(draft)
    for field, prefix, make in LISTS:
        if prefix in lists and field not in draft.said:
            draft.say(field, make(lists[prefix]), f"{prefix}*")
    if draft.said.get("kind") == "embedding":
        _embedded(draft)
        return
    if "output_messages" in draft.said:
        _thoughts(draft)
    if "input_messages" in draft.said:
        _answers(draft)
        if draft.span.scope.name == DSPY:
            draft.said["input_messages"] = tuple(map(with_parts, draft.said["input_messages"]))
    if "input_messages" not in draft.said:  # else it is the same in the provider's own words
        draft.value("input", "input.value", "reranker.query")
    if "output_messages" not in draft.said:
        draft.value("output", "output.value")
    if draft.said.get("kind") == "tool" and "tool" not in draft.said:
        _tool(draft)


def _thoughts(draft: Draft) -> None:
    """Take the answer as the provider gave it where the flattened lists leave out what the model thought."""
    whole = draft.attributes.get("output.value")
    if not isinstance(whole, str) or THOUGHTS not in whole:
        return
    if not any(part["type"] == "reasoning" for said in draft.said["output_messages"] for part in said["parts"]):
        draft.prefer("output_messages", exchange.answered(whole), "output.value", over=("openinference",))


def _answers(draft: Draft) -> None:
    """Take the conversation as it was sent where the flattened lists leave out which call a tool answers."""
    whole = draft.attributes.get("input.value")
    if not isinstance(whole, str) or CALL_ID not in whole:
        return
    answers = [part for turn in draft.said["input_messages"] if turn["role"] == "tool" for part in turn["parts"]]
    if any(part["type"] == "tool_call_response" and "id" not in part for part in answers):
        draft.prefer("input_messages", exchange.asked(whole), "input.value", over=("openinference",))


def _embedded(draft: Draft) -> None:
    """Read what was embedded; the vectors are left in the attributes, for nobody reads them."""
    prefix, suffix = "embedding.embeddings.", ".embedding.text"
    texts = [value for key, value in draft.attributes.items() if key.startswith(prefix) and key.endswith(suffix)]
    draft.say("input", texts, "embedding.embeddings.*")
    if "input" not in draft.said:
        request = decoded(draft.attributes.get("input.value"))
        draft.say("input", request.get("input", request) if isinstance(request, dict) else request, "input.value")


def _tool(draft: Draft) -> None:
    attributes = draft.attributes
    tool = Tool(
        name=plain_text(attributes.get("tool.name")),
        call_id=plain_text(attributes.get("tool.id", attributes.get("tool_call.id"))),
        arguments=decoded(attributes.get("input.value", attributes.get("tool.parameters"))),
        result=decoded(attributes.get("output.value")),
    )
    if tool != Tool():
        draft.say("tool", tool, "tool.name")


def _first_token(draft: Draft) -> None:
    for event in draft.span.events:
        if event.name == "First Token Stream Event":
            draft.say("ttft_ms", max(0, event.time_ns - draft.span.start_ns) / 1e6, "event First Token Stream Event")
            return


DIALECT = Dialect("openinference", speaks, read)
