"""Pydantic AI: GenAI attributes, and its agents' runs in words of its own."""

from __future__ import annotations

from .base import Dialect, Draft
from .messages.message import messages, system


def speaks(draft: Draft) -> bool:
    """Say whether the span comes from Pydantic AI."""
    return draft.span.scope.name == "pydantic-ai"


def read(draft: Draft) -> None:
    """Read what an agent was asked and what it came to, and what a call cost."""
    draft.number("reported_cost_usd", "operation.cost")
    if draft.said.get("kind") is None and "agent_name" in draft.attributes:  # as its first versions say it
        draft.say("kind", "agent", "agent_name")
    if draft.said.get("kind") == "agent":
        draft.text("name", "gen_ai.agent.name", "agent_name")
    if "pydantic_ai.all_messages" in draft.attributes:
        _run(draft)
    draft.value("output", "final_result")


def _run(draft: Draft) -> None:
    """Read a run's whole conversation, of which the last message is its answer."""
    found = messages(draft.attributes["pydantic_ai.all_messages"], "user")
    answered = found[-1:] if found and found[-1]["role"] == "assistant" else ()
    asked = found[: len(found) - len(answered)]
    told = system(draft.attributes.get("gen_ai.system_instructions"))
    draft.say("output_messages", answered, "pydantic_ai.all_messages")
    draft.prefer("input_messages", (told, *asked) if told else asked, "pydantic_ai.all_messages", over=("gen_ai",))


DIALECT = Dialect("pydantic_ai", speaks, read, scopes=("pydantic-ai",))
