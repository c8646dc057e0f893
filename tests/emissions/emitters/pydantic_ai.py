"""Pydantic AI, in the versions of its data format."""

from __future__ import annotations

from ..emitter import Emitter

PACKAGES = ("pydantic-ai-slim[openai,anthropic]", "opentelemetry-exporter-otlp-proto-http")

EMITTERS = tuple(
    Emitter(f"pydantic-ai-v{version}", "pydantic_ai_agent.py", PACKAGES, (str(version),)) for version in (2, 5, 6)
)
