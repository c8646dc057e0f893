"""MLflow's tracing: every attribute is JSON, requests and answers are kept whole."""

from __future__ import annotations

import re
from typing import Any, Final

from .base import Dialect, Draft
from .decode import decoded, from_json, number, plain_text
from .langsmith import documents
from .messages.exchange import answered, asked, offered, settings
from .messages.tools import tool_definitions
from .provider_usage import provider_usage

KINDS: Final = {
    "chat_model": "llm", "llm": "llm", "parser": "chain", "workflow": "chain", "task": "chain", "unknown": None,
}  # fmt: skip
#: Message formats that are named after the one provider that uses them.
PROVIDERS: Final = ("openai", "anthropic", "gemini", "mistral", "groq", "bedrock")
FIRST_CHUNK: Final = "mlflow.chunk.item.0"
#: How Python shows an object that cannot be written as JSON.
OBJECT: Final = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>$")


def speaks(draft: Draft) -> bool:
    """Say whether the span has MLflow's attributes."""
    return "mlflow" in draft.heads


def read(draft: Draft) -> None:
    """Read ``mlflow.*``."""
    kind = plain_text(_value(draft, "mlflow.spanType"))
    if kind is not None:
        draft.say("kind", KINDS.get(kind.lower(), kind.lower()), "mlflow.spanType")
    given, made = _value(draft, "mlflow.spanInputs"), _value(draft, "mlflow.spanOutputs")
    format_name = plain_text(_value(draft, "mlflow.message.format"))
    draft.say("provider", plain_text(_value(draft, "mlflow.llm.provider")), "mlflow.llm.provider")
    if format_name in PROVIDERS:
        draft.say("provider", format_name, "mlflow.message.format")
    model = plain_text(_value(draft, "mlflow.llm.model"))
    draft.say("request_model", _member(given, "model") or model, "mlflow.spanInputs")
    draft.say("model", _member(made, "model") or model, "mlflow.spanOutputs")
    if draft.said.get("kind") in ("llm", "embedding"):
        _call(draft, given, made)
    else:
        draft.say("input", given, "mlflow.spanInputs")
        if draft.said.get("kind") == "retriever":
            draft.say("documents", documents(made), "mlflow.spanOutputs")
        draft.say("output", made, "mlflow.spanOutputs")
    _cost(draft)
    draft.say("session_id", plain_text(_value(draft, "mlflow.trace.session")), "mlflow.trace.session")
    draft.say("user_id", plain_text(_value(draft, "mlflow.trace.user")), "mlflow.trace.user")


def _call(draft: Draft, given: Any, made: Any) -> None:
    draft.merge("params", settings(given), "mlflow.spanInputs")
    usage = provider_usage(made.get("usage")) if isinstance(made, dict) else None
    draft.say("usage", usage, "mlflow.spanOutputs")
    draft.say("usage", provider_usage(_value(draft, "mlflow.chat.tokenUsage")), "mlflow.chat.tokenUsage")
    if draft.said["kind"] == "embedding":
        draft.say("input", given.get("input", given) if isinstance(given, dict) else given, "mlflow.spanInputs")
        return
    draft.say("response_id", _member(made, "id"), "mlflow.spanOutputs")
    draft.say("input_messages", asked(given), "mlflow.spanInputs")
    if isinstance(made, str) and OBJECT.match(made):
        draft.withhold("output_messages")  # a stream that nobody has read yet
    draft.say("output_messages", answered(made), "mlflow.spanOutputs")
    tools = offered(given) or tool_definitions(_value(draft, "mlflow.chat.tools"))
    draft.say("tool_definitions", tools, "mlflow.chat.tools")
    for event in draft.span.events:
        if event.name == FIRST_CHUNK:
            draft.say("ttft_ms", max(0, event.time_ns - draft.span.start_ns) / 1e6, f"event {FIRST_CHUNK}")
            return


def _value(draft: Draft, key: str) -> Any:
    """Return an attribute, be it JSON as MLflow writes it or not as its users may."""
    return from_json(draft.attributes.get(key))


def _member(value: Any, key: str) -> str | None:
    return plain_text(value.get(key)) if isinstance(value, dict) else None


def _cost(draft: Draft) -> None:
    cost = decoded(draft.attributes.get("mlflow.llm.cost"))
    if isinstance(cost, dict):
        for field, key in COSTS.items():
            draft.say(field, number(cost.get(key)), "mlflow.llm.cost")


COSTS: Final = {
    "reported_cost_usd": "total_cost",
    "reported_input_cost_usd": "input_cost",
    "reported_output_cost_usd": "output_cost",
}
DIALECT = Dialect("mlflow", speaks, read, heads=frozenset({"mlflow"}))
