"""Langfuse's own SDK."""

from __future__ import annotations

from ..emitter import Emitter

KEYS = {"LANGFUSE_PUBLIC_KEY": "fake", "LANGFUSE_SECRET_KEY": "fake"}

EMITTERS = (
    Emitter("langfuse-openai", "langfuse_calls.py", ("langfuse", "openai"), env=KEYS),
    Emitter(
        "langfuse-langchain",
        "langfuse_langchain.py",
        ("langfuse", "langchain", "langchain-openai", "langchain-anthropic"),
        env=KEYS,
    ),
)
