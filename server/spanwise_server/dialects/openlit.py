"""OpenLIT: GenAI attributes, with made-up values where nothing was asked and counts as each provider has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from . import gen_ai, gen_ai_content
from .base import Dialect, Draft
from .decode import number, plain_text
from .usage import say_usage

SCOPE: Final = "openlit."
#: Providers whose count of the input leaves out what came from a cache or went to it.
EXCLUSIVE: Final = ("anthropic", "aws.bedrock")
COUNTS: Final = replace(gen_ai.COUNTS, input_includes_cache=False)
#: Where it keeps what a model thought, beside the messages.
THOUGHTS: Final = "gen_ai.content.reasoning"
#: What stands for a limit that nobody set.
NO_LIMIT: Final = -1


def speaks(draft: Draft) -> bool:
    """Say whether OpenLIT made the span."""
    return draft.span.scope.name.startswith(SCOPE)


def read(draft: Draft) -> None:
    """Read what OpenLIT says otherwise than the conventions."""
    attributes = draft.attributes
    if plain_text(attributes.get("gen_ai.provider.name")) in EXCLUSIVE:
        say_usage(draft, COUNTS)
    if number(attributes.get("gen_ai.usage.cost")) == 0:  # so it says that it knows no price
        draft.withhold("reported_cost_usd")
    if attributes.get("gen_ai.request.stream") is False:  # the time to the whole answer
        draft.withhold("ttft_ms")
    if "gen_ai.operation.name" not in attributes:
        _failed(draft)
    gen_ai_content.read(draft)
    if draft.said.get("output_messages"):
        _complete(draft)
    if attributes.get("gen_ai.operation.name") == "chat":  # the tool that an answer calls is in the answer
        draft.withhold("tool")
    if attributes.get("gen_ai.request.max_tokens") == NO_LIMIT:
        draft.look_at({key: value for key, value in attributes.items() if key != "gen_ai.request.max_tokens"})


def _failed(draft: Draft) -> None:
    """Read a call that failed, of which only the span's name tells: ``chat gpt-4o``."""
    operation, _, model = draft.span.name.partition(" ")
    if operation in gen_ai.KINDS and model:
        draft.say("operation", operation, "span name")
        draft.say("kind", gen_ai.KINDS[operation], "span name")
        draft.say("request_model", model, "span name")
        draft.say("provider", draft.span.scope.name.rpartition(".")[2], "scope name")


def _complete(draft: Draft) -> None:
    """Add to the answer what the model thought, and the id by which a tool's result names its call."""
    (first, *rest) = draft.said["output_messages"]
    parts: list[dict[str, Any]] = list(first["parts"])
    calls = [part for part in parts if part["type"] == "tool_call"]
    call_id = plain_text(draft.attributes.get("gen_ai.tool.call.id"))
    if len(calls) == 1 and call_id:
        parts = [{**part, "id": call_id} if part is calls[0] else part for part in parts]
    thoughts = plain_text(draft.attributes.get(THOUGHTS))
    if thoughts and not any(part["type"] == "reasoning" for part in parts):
        parts = [{"type": "reasoning", "content": thoughts}, *parts]
    draft.said["output_messages"] = ({**first, "parts": parts}, *rest)


DIALECT = Dialect("openlit", speaks, read, scopes=(SCOPE,))
