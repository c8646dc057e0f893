"""Logfire: GenAI attributes beside its own ``logfire.*``, and the whole request and answer of its older version.

A call whose answer is streamed is two spans: one that ends with the response's head, and a log of no length with
all that came after it. The log is the call; the first one carries no tokens and no answer, and is no model call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .base import Dialect, Draft
from .decode import decoded, plain_text
from .messages import exchange
from .messages.message import Message, message
from .provider_usage import provider_usage

#: Events of what the model said.
ANSWERS: Final = ("gen_ai.assistant.message", "gen_ai.choice")
#: An event of what it has no name for, such as a thought.
OTHER: Final = "gen_ai.unknown"


def speaks(draft: Draft) -> bool:
    """Say whether the span has Logfire's attributes."""
    return "logfire" in draft.heads


def read(draft: Draft) -> None:
    """Read ``logfire.*`` and, of model calls, what was asked and answered."""
    draft.text("name", "logfire.msg")
    draft.texts("tags", "logfire.tags")
    if draft.attributes.get("logfire.span_type") == "pending_span":
        _pending(draft)
        return
    if "request_data" in draft.attributes:
        _request(draft)
    _answer(draft, decoded(draft.attributes.get("response_data")))
    if isinstance(listed := decoded(draft.attributes.get("events")), list):
        _events(draft, [event for event in listed if isinstance(event, dict)])
    if "usage" in draft.said and (usage := provider_usage(draft.attributes.get("gen_ai.usage.raw"))) is not None:
        draft.prefer("usage", usage, "gen_ai.usage.raw", over=("gen_ai",))  # which leaves out what was cached
    if _streams(draft):
        draft.prefer("kind", "span", "logfire.span_type", over=("gen_ai",))


def _pending(draft: Draft) -> None:
    """Take nothing from the announcement of a span: the span itself will say it all."""
    draft.prefer("kind", "span", "logfire.span_type", over=("gen_ai",))
    for field in ("usage", "input_messages", "output_messages", "tool_definitions"):
        draft.said.pop(field, None)
        draft.mapped_by.pop(field, None)
        draft.withhold(field)


def _request(draft: Draft) -> None:
    request = decoded(draft.attributes["request_data"])
    if not isinstance(request, dict):
        return
    draft.text("provider", "gen_ai.system")
    draft.say("request_model", plain_text(request.get("model")), "request_data")
    draft.merge("params", exchange.settings(request), "request_data")
    if "input_messages" not in draft.said and draft.said.get("kind") != "embedding":
        draft.say("input_messages", exchange.asked(request), "request_data")
    draft.say("tool_definitions", exchange.offered(request), "request_data")
    if draft.said.get("kind") == "embedding":
        draft.say("input", request.get("input"), "request_data")


def _answer(draft: Draft, answer: Any) -> None:
    """Read what was answered: a message, or the text that a stream was put together to."""
    if not isinstance(answer, dict):
        return
    draft.say("output_messages", _messages(answer), "response_data")
    draft.say("usage", provider_usage(answer.get("usage")), "response_data.usage")


def _events(draft: Draft, events: list[dict[str, Any]]) -> None:
    """Read a conversation told as a list of message events, of which the last ones are the model's answer."""
    answered = len(events)
    while answered and _by_model(events[answered - 1]):
        answered -= 1
    turns = [message(_turn(event), "user") for event in events]
    draft.say("input_messages", tuple(turns[:answered]), "events")
    draft.say("output_messages", tuple(turns[answered:]), "events")


def _by_model(event: Mapping[str, Any]) -> bool:
    return event.get("event.name") in ANSWERS or (event.get("event.name") == OTHER and event.get("role") == "assistant")


def _turn(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as a message, its tool's answer named by the call that it answers."""
    if isinstance(whole := event.get("data"), dict):
        return whole  # the event's text only says that it is here
    turn = {key: value for key, value in event.items() if key != "event.name"}
    if isinstance(content := turn.get("content"), str) and content.startswith("data:image/"):
        turn["content"] = [{"type": "image_url", "image_url": content}]
    if event.get("event.name") == "gen_ai.tool.message" and "id" in turn:
        turn.setdefault("tool_call_id", turn.pop("id"))
    return turn


def _messages(answer: Mapping[str, Any]) -> tuple[Message, ...]:
    if isinstance(said := answer.get("message"), dict):
        return (message(said, "assistant"),)
    text = answer.get("combined_chunk_content", answer.get("text"))
    return (message({"content": text}, "assistant"),) if isinstance(text, str) else ()


def _streams(draft: Draft) -> bool:
    """Say whether this is the first of the two spans of a streamed call."""
    if draft.said.get("kind") != "llm" or draft.attributes.get("logfire.span_type") == "log":
        return False
    if draft.span.status == "error" or not draft.span.scope.name.startswith("logfire."):
        return False
    return draft.said.keys().isdisjoint(("usage", "output_messages", "response_id"))


DIALECT = Dialect("logfire", speaks, read, heads=frozenset({"logfire"}))
