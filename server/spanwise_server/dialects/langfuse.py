"""Langfuse's SDKs from version 3: ``langfuse.observation.*`` and ``langfuse.trace.*``, with bodies as JSON texts."""

from __future__ import annotations

from typing import Any, Final

from ..record import PromptUse
from .base import Dialect, Draft
from .decode import decoded, from_json, moment_ns, number, plain_text
from .messages.exchange import answered, asked, offered
from .messages.tools import tool_definitions
from .provider_usage import provider_usage

O: Final = "langfuse.observation."  # noqa: E741  # as short as it is frequent
T: Final = "langfuse.trace."
#: Types with another name here; ``span`` says nothing, so that another dialect may say more.
KINDS: Final = {"generation": "llm", "span": None, "event": None}


def speaks(draft: Draft) -> bool:
    """Say whether the span has Langfuse's attributes."""
    return "langfuse" in draft.heads


def read(draft: Draft) -> None:
    """Read ``langfuse.*``."""
    attributes = draft.attributes
    kind = plain_text(attributes.get(f"{O}type"))
    if kind is not None:
        kind = kind.lower()
        draft.say("kind", KINDS.get(kind, kind), f"{O}type")
    draft.text("model", f"{O}model.name")
    draft.text("request_model", f"{O}model.name")
    params = decoded(attributes.get(f"{O}model.parameters"))
    if isinstance(params, dict):
        said = {name: value for name, value in params.items() if value is not None and value != "Infinity"}
        draft.merge("params", said, f"{O}model.parameters")
    _content(draft)
    _money(draft)
    _first_token(draft)
    draft.text("status_message", f"{O}status_message")
    draft.text("trace_name", f"{T}name")
    draft.text("session_id", "langfuse.session.id", "session.id")
    draft.text("user_id", "langfuse.user.id", "user.id")
    draft.texts("tags", f"{T}tags", "langfuse.tags")
    _metadata(draft)
    _langchain(draft)
    _prompt(draft)
    for field in ("environment", "release"):
        key = f"langfuse.{field}"
        draft.say(field, plain_text(attributes.get(key, draft.span.resource.get(key))), key)


def _content(draft: Draft) -> None:
    attributes = draft.attributes
    given = attributes.get(f"{O}input", attributes.get(f"{T}input"))
    made = attributes.get(f"{O}output", attributes.get(f"{T}output"))
    if draft.said.get("kind") != "llm":
        draft.say("input", _called_with(from_json(given)), f"{O}input")
        draft.say("output", from_json(made), f"{O}output")
        return
    turns, tools = _without_tools(decoded(given))
    draft.say("tool_definitions", tools or offered(given), f"{O}input")
    draft.say("input_messages", asked(turns), f"{O}input")
    draft.say("output_messages", answered(made), f"{O}output")
    if reason := plain_text(from_json(attributes.get(f"{O}metadata.finish_reason"))):
        draft.texts("finish_reasons", f"{O}metadata.finish_reason")
        draft.said["finish_reasons"] = (FINISH.get(reason, reason),)


#: Reasons in which providers differ.
FINISH: Final = {"tool_calls": "tool_call"}


def _called_with(value: Any) -> Any:
    """Return what a decorated function was called with, by name where it was."""
    if isinstance(value, dict) and set(value) == {"args", "kwargs"} and not value["args"]:
        return value["kwargs"]
    return value


def _without_tools(turns: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a conversation and the tools offered, which the handler for LangChain lists as messages of tools."""
    if not isinstance(turns, list):
        return turns, ()
    tools = [turn["content"] for turn in turns if _is_definition(turn)]
    return [turn for turn in turns if not _is_definition(turn)], tool_definitions(tools)


def _is_definition(turn: Any) -> bool:
    content = turn.get("content") if isinstance(turn, dict) and turn.get("role") == "tool" else None
    return isinstance(content, dict) and content.get("type") == "function"


def _money(draft: Draft) -> None:
    usage = provider_usage(draft.attributes.get(f"{O}usage_details"))
    draft.say("usage", usage, f"{O}usage_details")
    cost = decoded(draft.attributes.get(f"{O}cost_details"))
    if not isinstance(cost, dict):
        return
    total = number(cost.get("total"))
    if usage is None and not total:  # what failed is said to have cost nothing
        return
    draft.say("reported_cost_usd", total, f"{O}cost_details")
    draft.say("reported_input_cost_usd", number(cost.get("input")), f"{O}cost_details")
    draft.say("reported_output_cost_usd", number(cost.get("output")), f"{O}cost_details")


def _first_token(draft: Draft) -> None:
    key = f"{O}completion_start_time"
    if (first_ns := moment_ns(from_json(draft.attributes.get(key)))) is not None:
        draft.say("ttft_ms", max(0, first_ns - draft.span.start_ns) / 1e6, key)


def _langchain(draft: Draft) -> None:
    """Read what the handler for LangChain leaves in the metadata, where its users have to write it."""
    said: dict[str, Any] = draft.said.get("metadata") or {}
    draft.say("session_id", plain_text(said.pop("langfuse_session_id", None)), f"{O}metadata.langfuse_session_id")
    draft.say("user_id", plain_text(said.pop("langfuse_user_id", None)), f"{O}metadata.langfuse_user_id")
    tags = said.pop("langfuse_tags", None)
    if isinstance(tags, list):
        draft.say("tags", tuple(tag for tag in tags if isinstance(tag, str)), f"{O}metadata.langfuse_tags")
    if said.get("ls_provider") is not None:
        draft.say("provider", plain_text(said["ls_provider"]), f"{O}metadata.ls_provider")
    response_id = plain_text(said.get("id"))
    if response_id is not None and response_id.startswith("resp_"):  # the wrapper of the openai client
        draft.say("response_id", response_id, f"{O}metadata.id")


def _metadata(draft: Draft) -> None:
    for start in (f"{O}metadata", f"{T}metadata"):
        whole = decoded(draft.attributes.get(start))
        if isinstance(whole, dict):
            draft.merge("metadata", whole, start)
        first = len(start) + 1
        found = {
            key[first:]: from_json(value) for key, value in draft.attributes.items() if key.startswith(f"{start}.")
        }
        draft.merge("metadata", found, f"{start}.*")


def _prompt(draft: Draft) -> None:
    for start in (f"{O}prompt", "langfuse.prompt"):
        if (name := plain_text(draft.attributes.get(f"{start}.name"))) is not None:
            version = plain_text(draft.attributes.get(f"{start}.version"))
            draft.say("prompt", PromptUse(name=name, version=version), f"{start}.name")


DIALECT = Dialect("langfuse", speaks, read, heads=frozenset({"langfuse"}))
