"""Google's Agent Development Kit: ``gcp.vertex.agent.*`` with whole requests, beside GenAI attributes since version 1.

Version 2 writes the GenAI conventions, and of its own only ids.
"""

from __future__ import annotations

from typing import Final

from ..record import Tool
from .base import Dialect, Draft
from .decode import decoded, plain_text
from .messages.exchange import answered, asked, offered, settings
from .messages.message import Message, messages
from .provider_usage import provider_usage

G: Final = "gcp.vertex.agent."
#: Names of spans, up to their first space -> kind.
KINDS: Final = {"call_llm": "llm", "execute_tool": "tool", "invocation": "chain", "agent_run": "agent"}


def speaks(draft: Draft) -> bool:
    """Say whether the Agent Development Kit made the span."""
    return draft.span.scope.name == "gcp.vertex.agent"


def read(draft: Draft) -> None:
    """Read ``gcp.vertex.agent.*``."""
    attributes = draft.attributes
    draft.say("kind", KINDS.get(draft.span.name.partition(" ")[0]), "span name")
    request, answer = decoded(attributes.get(f"{G}llm_request")), decoded(attributes.get(f"{G}llm_response"))
    if isinstance(request, dict) and request and draft.said.get("kind") == "llm":
        draft.say("request_model", plain_text(request.get("model")), f"{G}llm_request")
        draft.say("input_messages", asked(request), f"{G}llm_request")
        draft.say("tool_definitions", offered(request), f"{G}llm_request")
        config = {key: value for key, value in settings(request).items() if key in PARAMS}
        draft.merge("params", config, f"{G}llm_request")
    if isinstance(answer, dict) and answer and draft.said.get("kind") == "llm":
        draft.say("output_messages", answered(answer), f"{G}llm_response")
        draft.say("usage", provider_usage(answer.get("usage_metadata")), f"{G}llm_response")
    _stream(draft)
    if attributes.get("gen_ai.operation.name") == "execute_tool":
        _tool(draft)
    draft.text("session_id", f"{G}session_id")


#: What is a parameter among the members of a request's configuration.
PARAMS: Final = frozenset(
    {"temperature", "top_p", "top_k", "max_tokens", "seed", "stop_sequences", "choice_count", "presence_penalty",
     "frequency_penalty", "response_mime_type", "thinking_config"}
)  # fmt: skip


def _stream(draft: Draft) -> None:
    """Read the answer of a stream, of which every piece is told before the whole."""
    key = "gen_ai.output.messages"
    found = messages(draft.attributes.get(key), "assistant")
    if len(found) > 1 and _text(found[-1:]) == _text(found[:-1]):
        draft.say("output_messages", found[-1:], key)


def _text(turns: tuple[Message, ...]) -> str:
    return "".join(str(part.get("content", "")) for turn in turns for part in turn["parts"])


def _tool(draft: Draft) -> None:
    said = draft.attributes.get
    arguments = decoded(said("gen_ai.tool.call.arguments", said(f"{G}tool_call_args")))
    result = decoded(said("gen_ai.tool.call.result", said(f"{G}tool_response")))
    name, call_id = plain_text(said("gen_ai.tool.name")), plain_text(said("gen_ai.tool.call.id"))
    draft.say("tool", Tool(name, call_id, None if arguments == "N/A" else arguments, result), f"{G}tool_*")


DIALECT = Dialect("google_adk", speaks, read, scopes=("gcp.vertex.agent",))
