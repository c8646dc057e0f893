"""LiteLLM's own tracing: GenAI attributes, with tool calls beside the parts and counts in Python's notation."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, Final

from .base import Dialect, Draft
from .decode import decoded
from .messages.message import Message, messages
from .provider_usage import provider_usage

SCOPE: Final = "litellm"
COUNTS: Final = "metadata.usage_object"
#: No counts of an answer are longer; nothing longer is parsed.
MOST_CHARS: Final = 10_000
BOOLEANS: Final = {"True": True, "False": False}


def speaks(draft: Draft) -> bool:
    """Say whether LiteLLM made the span."""
    return draft.span.scope.name == SCOPE


def read(draft: Draft) -> None:
    """Read what LiteLLM says otherwise than the conventions."""
    attributes = draft.attributes
    if "litellm.call_id" not in attributes:
        return
    draft.say("usage", provider_usage(_counts(attributes.get(COUNTS))), COUNTS)
    for field, role, key in (
        ("input_messages", "user", "gen_ai.input.messages"),
        ("output_messages", "assistant", "gen_ai.output.messages"),
    ):
        listed = decoded(attributes.get(key))
        if isinstance(listed, list):
            draft.say(field, messages([_turn(turn) for turn in listed], role), key)
    draft.number("reported_cost_usd", "gen_ai.cost.total_cost")
    draft.number("reported_input_cost_usd", "gen_ai.cost.input_cost")
    draft.number("reported_output_cost_usd", "gen_ai.cost.output_cost")
    streamed = BOOLEANS.get(str(attributes.get("llm.is_streaming")))
    if streamed is not None:
        draft.merge("params", {"stream": streamed}, "llm.is_streaming")
    if attributes.get("gen_ai.response.id") == attributes["litellm.call_id"]:  # nobody answered
        draft.withhold("response_id")
    draft.text("status_message", "error.message")


def _counts(value: Any) -> Any:
    """Return the provider's counts, which stand in Python's notation."""
    if not isinstance(value, str) or not value.startswith("{") or len(value) > MOST_CHARS:
        return None
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _turn(turn: Any) -> Message:
    """Return a message whose calls and answers of tools stand in its parts."""
    if not isinstance(turn, dict):
        return {"role": "user", "parts": []}
    listed, calls = turn.get("parts"), turn.get("tool_calls")
    parts = [part for part in listed if not _is_empty(part)] if isinstance(listed, list) else []
    if isinstance(calls, list):
        parts += [{"type": "tool_call", **_call(call)} for call in calls if isinstance(call, dict)]
    if call_id := turn.get("tool_call_id"):
        text = "".join(str(part.get("content", "")) for part in parts if isinstance(part, dict))
        parts = [{"type": "tool_call_response", "id": call_id, "response": text}]
    return {**{key: turn[key] for key in ("role", "name", "finish_reason") if key in turn}, "parts": parts}


def _is_empty(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and part.get("content") == ""


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    inside = function if isinstance(function, dict) else {}
    return {"id": call.get("id"), "name": inside.get("name"), "arguments": decoded(inside.get("arguments"))}


DIALECT = Dialect("litellm", speaks, read, scopes=(SCOPE,))
