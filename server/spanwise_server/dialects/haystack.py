"""Haystack: spans of pipelines, components and agents, whose inputs and outputs are JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..record import Tool
from .base import Dialect, Draft
from .decode import decoded, plain_text
from .messages.genai import as_text, blob
from .messages.message import Message, message
from .messages.tools import Tool as Definition
from .messages.tools import tool_definition
from .provider_usage import provider_usage

H: Final = "haystack."
#: Names of spans -> kind, and where what went in and came out stands.
SPANS: Final = {
    "haystack.component.run": (None, "component.input", "component.output"),
    "haystack.pipeline.run": ("chain", "pipeline.input_data", "pipeline.output_data"),
    "haystack.async_pipeline.run": ("chain", "pipeline.input_data", "pipeline.output_data"),
    "haystack.agent.run": ("agent", "agent.input", "agent.output"),
    "haystack.agent.step": ("chain", "agent.step.input", "agent.step.output"),
    "haystack.agent.step.llm": ("llm", "agent.step.llm.input", "agent.step.llm.output"),
    "haystack.agent.step.tool": ("tool", "agent.step.tool.input", "agent.step.tool.output"),
}
#: The ends of names of components -> kind.
COMPONENTS: Final = {
    "Generator": "llm", "Retriever": "retriever", "Ranker": "reranker", "Embedder": "embedding", "Agent": "agent",
    "ToolInvoker": "chain", "PromptBuilder": "prompt", "Evaluator": "evaluator",
}  # fmt: skip


def speaks(draft: Draft) -> bool:
    """Say whether the span has Haystack's attributes."""
    return "haystack" in draft.heads


def read(draft: Draft) -> None:
    """Read ``haystack.*``."""
    kind, given_key, made_key = SPANS.get(draft.span.name, ("", "", ""))
    component = plain_text(draft.attributes.get("haystack.component.type"))
    if kind is None:
        kind = next((each for end, each in COMPONENTS.items() if (component or "").endswith(end)), "chain")
    draft.say("kind", kind or None, "haystack.component.type" if component else "span name")
    draft.text("name", "haystack.tool.name", "haystack.component.name", "haystack.pipeline.name")
    given, made = decoded(draft.attributes.get(H + given_key)), decoded(draft.attributes.get(H + made_key))
    if kind == "llm":
        _call(draft, given, made, component)
    elif kind == "tool":
        draft.say(
            "tool", Tool(plain_text(draft.attributes.get("haystack.tool.name")), None, given, made), H + given_key
        )
    elif kind == "embedding":
        _embedding(draft, given, made, component)
    elif kind in ("retriever", "reranker") and isinstance(made, dict):
        draft.say("documents", _documents(made.get("documents")), H + made_key)
    if kind != "llm":
        draft.say("input", given, H + given_key)
        draft.say("output", made, H + made_key)


def _call(draft: Draft, given: Any, made: Any, component: str | None) -> None:
    asked = given if isinstance(given, dict) else {}
    replies = made.get("replies") if isinstance(made, dict) else None
    answers = [reply for reply in replies if isinstance(reply, dict | str)] if isinstance(replies, list) else []
    turns = asked.get("messages", asked.get("prompt"))
    draft.say("input_messages", tuple(_message(turn, "user") for turn in _listed(turns)), "haystack.*.input")
    draft.say("output_messages", tuple(_message(reply, "assistant") for reply in answers), "haystack.*.output")
    tools = tuple(tool for item in _listed(asked.get("tools")) if (tool := _tool(item)) is not None)
    draft.say("tool_definitions", tools, "haystack.*.input")
    params = asked.get("generation_kwargs")
    draft.merge("params", params if isinstance(params, dict) else None, "haystack.*.input")
    meta = next((reply["meta"] for reply in answers if isinstance(reply, dict) and reply.get("meta")), None)
    if meta is None and isinstance(made, dict):
        meta = next((item for item in _listed(made.get("meta")) if isinstance(item, dict)), None)
    _meta(draft, meta, component)


def _embedding(draft: Draft, given: Any, made: Any, component: str | None) -> None:
    """Read an embedder's text or documents, and what its answer cost."""
    if isinstance(given, dict):
        documents = [item.get("content") for item in _listed(given.get("documents")) if isinstance(item, dict)]
        draft.say("input", given.get("text", documents), "haystack.component.input")
    _meta(draft, made.get("meta") if isinstance(made, dict) else None, component)


def _meta(draft: Draft, meta: Any, component: str | None) -> None:
    """Read what a component tells beside its answer, and the provider from the component's name."""
    if isinstance(meta, dict):
        draft.say("model", plain_text(meta.get("model")), "haystack.*.output")
        draft.say("usage", provider_usage(meta.get("usage")), "haystack.*.output")
    for mark, provider in PROVIDERS.items():
        if component is not None and component.startswith(mark):
            draft.say("provider", provider, "haystack.component.type")


#: The starts of names of generators -> provider.
PROVIDERS: Final = {
    "AzureOpenAI": "azure", "OpenAI": "openai", "Anthropic": "anthropic", "GoogleGenAI": "google",
    "AmazonBedrock": "bedrock", "Cohere": "cohere", "Mistral": "mistral", "Ollama": "ollama",
}  # fmt: skip


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _message(turn: Any, role: str) -> Message:
    """Return one of Haystack's messages, which are lists of parts in one key each."""
    if not isinstance(turn, dict):
        return message({"role": role, "content": as_text(turn)}, role)
    content = turn.get("content", turn.get("_content"))
    said: dict[str, Any] = {"role": turn.get("role", turn.get("_role", role))}
    said["parts"] = [_part(item) for item in content] if isinstance(content, list) else content
    meta = turn.get("meta", turn.get("_meta"))
    if isinstance(meta, dict) and meta.get("finish_reason"):
        said["finish_reason"] = meta["finish_reason"]
    return message(said, role)


def _part(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    for key, convert in PARTS.items():
        if isinstance(inside := item.get(key), dict):
            return convert(inside)
    return item


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    new = {"type": "tool_call", "name": call.get("tool_name"), "arguments": call.get("arguments")}
    return {"id": call["id"], **new} if call.get("id") else new


def _result(result: Mapping[str, Any]) -> dict[str, Any]:
    origin = result.get("origin")
    call = origin if isinstance(origin, dict) else {}
    new: dict[str, Any] = {"type": "tool_call_response", "id": call.get("id"), "response": result.get("result")}
    return {**new, "is_error": True} if result.get("error") else new


def _reasoning(thought: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "reasoning", "content": thought.get("reasoning_text") or ""}


def _image(image: Mapping[str, Any]) -> dict[str, Any]:
    return blob(image.get("base64_image"), image.get("mime_type"), "image")


PARTS: Final = {"tool_call": _tool_call, "tool_call_result": _result, "reasoning": _reasoning, "image": _image}


def _tool(item: Any) -> Definition | None:
    data = item.get("data", item) if isinstance(item, dict) else None
    if not isinstance(data, dict) or "name" not in data:
        return None
    return tool_definition({key: data[key] for key in ("name", "description", "parameters") if key in data})


def _documents(listed: Any) -> tuple[dict[str, Any], ...]:
    found = []
    for item in _listed(listed):
        if isinstance(item, dict):
            kept = {key: item[key] for key in ("id", "content", "score") if item.get(key) is not None}
            found.append({**kept, "metadata": item["meta"]} if item.get("meta") else kept)
    return tuple(found)


DIALECT = Dialect("haystack", speaks, read, heads=frozenset({"haystack"}))
