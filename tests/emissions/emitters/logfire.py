"""Logfire's instrumentations of model clients."""

from __future__ import annotations

from ..emitter import Emitter

EMITTERS = (
    Emitter("logfire-openai", "logfire_calls.py", ("logfire", "openai"), ("openai",)),
    Emitter("logfire-anthropic", "logfire_calls.py", ("logfire", "anthropic"), ("anthropic",)),
    Emitter("logfire-openai-v1", "logfire_calls.py", ("logfire", "openai"), ("openai", "1")),
    Emitter(
        "logfire-anthropic-v1",
        "logfire_calls.py",
        ("logfire", "anthropic"),
        ("anthropic", "1"),
        mistakes={"output_messages": "the arguments of a tool call are wrapped in another object"},
    ),
)
