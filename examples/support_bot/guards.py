"""What is checked before a message is answered, and before an answer is shown."""

from __future__ import annotations

import re
from typing import Any

import spanwise

_STREET = re.compile(r"\b[A-ZÄÖÜ][a-zäöüß]+(?:weg|straße|strasse|gasse|platz| Street| Road) \d+")
_OVERRIDES = re.compile(r"ignore (all )?(previous|prior) instructions|system prompt", re.IGNORECASE)
_ENGLISH = re.compile(
    r"\b(the|my|is|it|to|and|you|can|i|do|what|not|ok|how|for|at|your|me|this|have|any|with|worked|thanks?|water)\b",
    re.IGNORECASE,
)
BLOCKED = "I found where it was left, but may not show a neighbour's address here. We have sent it to you by email."


@spanwise.observe(name="check_message", kind="guardrail")
def check_message(message: str) -> dict[str, Any]:
    """Say whether a message tries to take the assistant over; such a message is still answered, without tools."""
    suspicious = _OVERRIDES.search(message) is not None
    return {"allowed": True, "suspicious": suspicious, "length": len(message)}


@spanwise.observe(name="check_reply", kind="guardrail")
def check_reply(reply: str) -> dict[str, Any]:
    """Block a reply that gives a street address away."""
    found = _STREET.search(reply)
    if found is None:
        return {"allowed": True}
    return {"allowed": False, "rule": "street address in reply"}


def looks_english(message: str) -> bool:
    """Return whether a message has a common English word, or too few words to tell."""
    return len(message.split()) < 3 or _ENGLISH.search(message) is not None
