"""Laminar's SDK."""

from __future__ import annotations

from ..emitter import Emitter

EMITTERS = (
    Emitter("laminar-openai", "laminar_calls.py", ("lmnr", "openai"), ("openai",)),
    Emitter("laminar-anthropic", "laminar_calls.py", ("lmnr", "anthropic"), ("anthropic",)),
)
