"""Google's client under OpenInference: Gemini's own words for roles and ends, its results as JSON in a text."""

from __future__ import annotations

import re
from typing import Any, Final

from .base import Draft
from .decode import decoded
from .messages.message import Message

SCOPE: Final = "openinference.instrumentation.google_genai"
#: The id of an answer in JSON, wherever it stands among the members.
ID: Final = re.compile(r'"response_?[iI]d": ?"([^"\\]+)"')
MEMBERS: Final = '"candidates"'


def complete(draft: Draft) -> None:
    """Call the model an assistant, unfold the results of tools and take the answer's id from the whole of it."""
    for field in ("input_messages", "output_messages"):
        if said := draft.said.get(field):
            draft.said[field] = tuple(map(_turn, said))
    reasons = draft.attributes.get("llm.finish_reason")
    if isinstance(reasons, str) and reasons.isupper():
        draft.say("finish_reasons", (reasons.lower(),), "llm.finish_reason")
    whole = draft.attributes.get("output.value")
    if isinstance(whole, str) and MEMBERS in whole:
        found = ID.findall(whole)
        draft.say("response_id", found[-1] if found else None, "output.value")


def _turn(turn: Message) -> Message:
    role = "assistant" if turn["role"] == "model" else turn["role"]
    return {**turn, "role": role, "parts": list(map(_part, turn["parts"]))}


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] != "tool_call_response":
        return part
    result = decoded(part.get("response"))
    return {**part, "response": result} if isinstance(result, dict) else part
