"""Strands Agents: GenAI attributes and events, with a clock in milliseconds and sums over an agent's whole life."""

from __future__ import annotations

from typing import Any, Final

from ..record import Event, Tool
from .base import Dialect, Draft
from .decode import count, decoded, plain_text
from .gen_ai import COUNTS
from .gen_ai_content import DETAILS
from .messages.message import messages
from .usage import Counts, say_usage

FIRST: Final = "gen_ai.server.time_to_first_token"
U: Final = "gen_ai.usage."
#: Bedrock, unlike OpenAI, counts what came from its cache beside the input.
BESIDE: Final = Counts(COUNTS.keys, input_includes_cache=False)


def speaks(draft: Draft) -> bool:
    """Say whether Strands made the span."""
    return draft.span.scope.name.startswith("strands.")


def read(draft: Draft) -> None:
    """Read what Strands means otherwise than the conventions do."""
    operation = draft.attributes.get("gen_ai.operation.name")
    draft.number("ttft_ms", FIRST)
    if operation == "execute_event_loop_cycle":
        draft.say("kind", "chain", "gen_ai.operation.name")
    elif operation == "invoke_agent":
        draft.withhold("usage")  # it is the sum over all that the agent did since it was made
    elif operation == "chat":
        say_usage(draft, BESIDE if _is_beside(draft) else COUNTS)
    elif operation == "execute_tool":
        _tool(draft)


def _is_beside(draft: Draft) -> bool:
    """Say whether the total counts what came from the cache as well as the input."""
    said = [count(draft.attributes.get(U + key)) or 0 for key in ("input_tokens", "output_tokens", "total_tokens")]
    return said[2] > said[0] + said[1]


def _tool(draft: Draft) -> None:
    arguments: Any = None
    result: Any = None
    for event in draft.span.events:
        if event.name == "gen_ai.tool.message":
            arguments = decoded(event.attributes.get("content"))
        elif event.name == "gen_ai.choice":
            result = _texts(decoded(event.attributes.get("message")))
        elif event.name == DETAILS:
            arguments = _part(event, "gen_ai.input.messages", "arguments") or arguments
            result = _texts(_part(event, "gen_ai.output.messages", "response")) or result
    said = draft.attributes.get
    tool = Tool(plain_text(said("gen_ai.tool.name")), plain_text(said("gen_ai.tool.call.id")), arguments, result)
    draft.say("tool", tool, "events")
    draft.withhold("input_messages")
    draft.withhold("output_messages")


def _part(event: Event, key: str, member: str) -> Any:
    found = [part[member] for turn in messages(event.attributes.get(key), "tool") for part in turn["parts"]
             if member in part]  # fmt: skip
    return found[0] if found else None


def _texts(content: Any) -> Any:
    """Return a tool's answer as text where it is one block of text."""
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict) and set(content[0]) == {"text"}:
        return content[0]["text"]
    return content


DIALECT = Dialect("strands", speaks, read, scopes=("strands.",))
