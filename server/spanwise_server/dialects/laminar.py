"""Laminar: ``lmnr.*`` around GenAI attributes that hold messages as the provider takes them."""

from __future__ import annotations

from typing import Final

from .base import Dialect, Draft
from .decode import from_json, plain_text
from .messages.exchange import answered, asked
from .messages.message import Message, system

KINDS: Final = {
    "DEFAULT": None,
    "PIPELINE": "chain",
    "EVALUATION": "chain",
    "EXECUTOR": "chain",
    "HUMAN_EVALUATOR": "evaluator",
    "CACHED": "llm",
}
A: Final = "lmnr.association.properties."


def speaks(draft: Draft) -> bool:
    """Say whether the span has Laminar's attributes."""
    return "lmnr" in draft.heads


def read(draft: Draft) -> None:
    """Read ``lmnr.*``."""
    attributes = draft.attributes
    kind = plain_text(attributes.get("lmnr.span.type"))
    if kind is not None:
        embeds = kind == "LLM" and draft.span.name.endswith(".embeddings")
        draft.say("kind", "embedding" if embeds else KINDS.get(kind, kind.lower()), "lmnr.span.type")
    draft.say("input", from_json(attributes.get("lmnr.span.input")), "lmnr.span.input")
    draft.say("output", from_json(attributes.get("lmnr.span.output")), "lmnr.span.output")
    if draft.said.get("kind") == "llm":
        turns = asked(attributes.get("gen_ai.input.messages"))
        draft.say("input_messages", _told(draft, turns), "gen_ai.input.messages")
        draft.say("output_messages", answered(attributes.get("gen_ai.output.messages")), "gen_ai.output.messages")
    draft.text("session_id", f"{A}session_id")
    draft.text("user_id", f"{A}user_id")
    draft.texts("tags", f"{A}tags")
    start = f"{A}metadata."
    found = {key[len(start) :]: value for key, value in attributes.items() if key.startswith(start)}
    draft.merge("metadata", found, f"{start}*")


def _told(draft: Draft, turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return a conversation with the instructions of a Responses call, which only the older attributes have."""
    if not turns or turns[0]["role"] in ("system", "developer"):
        return turns
    if draft.attributes.get("gen_ai.prompt.0.role") != "system":
        return turns
    first = system(draft.attributes.get("gen_ai.prompt.0.content"))
    return (first, *turns) if first is not None else turns


DIALECT = Dialect("laminar", speaks, read, heads=frozenset({"lmnr"}))
