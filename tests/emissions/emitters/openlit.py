"""OpenLIT's instrumentations of model clients."""

from __future__ import annotations

from ..emitter import Emitter

EMITTERS = (
    Emitter(
        "openlit-openai",
        "openlit_calls.py",
        ("openlit", "openai"),
        ("openai",),
        mistakes={
            "chat.input_messages": "of an earlier turn, what tool was called is left out",
            "responses.finish_reasons": "the status of the answer stands for why it ended",
        },
    ),
    Emitter("openlit-anthropic", "openlit_calls.py", ("openlit", "anthropic"), ("anthropic",)),
)
