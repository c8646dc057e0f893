"""Mistral's client under OpenInference: parts and tools stand whole only in the request and in the answer."""

from __future__ import annotations

from typing import Final

from .base import Draft
from .decode import decoded
from .messages import exchange

SCOPE: Final = "openinference.instrumentation.mistralai"
OURS: Final = ("openinference",)


def complete(draft: Draft) -> None:
    """Take the conversation as it was sent and answered, the tools offered, and no parameter that was not set."""
    draft.say("provider", "mistral", "scope")
    request = decoded(draft.attributes.get("input.value"))
    if isinstance(request, dict):
        turns = request.get("messages")
        if isinstance(turns, list) and all(isinstance(turn, dict) for turn in turns):  # else it is Python's repr
            draft.prefer("input_messages", exchange.asked(request), "input.value", over=OURS)
        draft.say("tool_definitions", exchange.offered(request), "input.value")
    answer = decoded(draft.attributes.get("output.value"))
    if isinstance(answer, dict) and "choices" in answer:
        draft.prefer("output_messages", exchange.answered(answer), "output.value", over=OURS)
    if (params := draft.said.get("params")) is not None:
        draft.said["params"] = {name: value for name, value in params.items() if value != ""}
