"""What was said in a GenAI call: messages in attributes, in indexed attributes and in span events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..record import Event
from .base import Draft
from .decode import decoded, unflattened
from .messages.message import Message, message, messages, system
from .messages.tools import tool_definitions

DETAILS: Final = "gen_ai.client.inference.operation.details"
#: Events of conventions up to 1.36, one for each message, and the role each stands for.
MESSAGE_EVENTS: Final[Mapping[str, str]] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}


def read(draft: Draft) -> None:
    """Say the messages and the tools offered, from the newest form that has them."""
    events = draft.span.events
    details = {key: said for event in events if event.name == DETAILS for key, said in event.attributes.items()}
    if details:  # some write one event for each of system instructions, input and output
        _from(draft, {**details, **draft.attributes}, "event ")
    else:
        _from(draft, draft.attributes, "")
    if events:
        _events(draft)
    if "input_messages" not in draft.said:
        _older(draft, "input_messages", "gen_ai.prompt", "user")
    if "output_messages" not in draft.said:
        _older(draft, "output_messages", "gen_ai.completion", "assistant")


def _from(draft: Draft, attributes: dict[str, Any], source: str) -> None:
    """Read the newest attributes, which stand on the span or on its details event."""
    if "input_messages" not in draft.said:
        found = messages(attributes.get("gen_ai.input.messages"), "user")
        told = attributes.get("gen_ai.system_instructions")
        first = system(told) if told is not None else None
        if first is not None and not (found and found[0] == first):
            found = (first, *found)
        draft.say("input_messages", found, f"{source}gen_ai.input.messages")
    if "output_messages" not in draft.said:
        found = messages(attributes.get("gen_ai.output.messages"), "assistant")
        draft.say("output_messages", found, f"{source}gen_ai.output.messages")
    if "tool_definitions" not in draft.said and "gen_ai.tool.definitions" in attributes:
        found_tools = tool_definitions(attributes["gen_ai.tool.definitions"])
        draft.say("tool_definitions", found_tools, f"{source}gen_ai.tool.definitions")


def _events(draft: Draft) -> None:
    asked: list[Message] = []
    answered: list[Message] = []
    for event in draft.span.events:
        if event.name in MESSAGE_EVENTS:
            (answered if event.name == "gen_ai.choice" else asked).append(_message(event))
        elif event.name == "gen_ai.content.prompt":
            asked.extend(messages(event.attributes.get("gen_ai.prompt"), "user"))
        elif event.name == "gen_ai.content.completion":
            answered.extend(messages(event.attributes.get("gen_ai.completion"), "assistant"))
    draft.say("input_messages", tuple(asked), "message events")
    draft.say("output_messages", tuple(answered), "gen_ai.choice event")


def _message(event: Event) -> Message:
    """Return the message of one event, whose body stands in its attributes or in one of them."""
    body: dict[str, Any] = {key: decoded(value) for key, value in event.attributes.items()}
    if isinstance(whole := body.get("body"), dict):
        body = whole
    if isinstance(body.get("message"), (str, list)):
        body["message"] = {"content": body["message"]}
    if event.name == "gen_ai.tool.message" and "id" in body:
        body.setdefault("tool_call_id", body["id"])
    if not isinstance(body.get("message"), dict) and "content" not in body:
        body["content"] = None
    return message(body, MESSAGE_EVENTS[event.name])


def _older(draft: Draft, field: str, key: str, role: str) -> None:
    """Read one attribute with JSON of everything, or one attribute for each field of each message."""
    if key in draft.attributes:
        draft.say(field, messages(draft.attributes[key], role), key)
    prefix = f"{key}."
    first = (f"{prefix}0.role", f"{prefix}0.content")
    if field in draft.said or not any(name in draft.attributes for name in first):
        return
    listed = unflattened(draft.attributes, prefix).get(prefix, [])
    draft.say(field, tuple(message(item, role) for item in listed if isinstance(item, dict)), f"{key}.*")
