"""OpenLLMetry: Traceloop's instrumentors."""

from __future__ import annotations

from ..emitter import Emitter

OTLP = "opentelemetry-exporter-otlp-proto-http"

EMITTERS = (
    Emitter(
        "openllmetry-openai",
        "openai_calls.py",
        ("opentelemetry-instrumentation-openai", "openai", OTLP),
        ("opentelemetry.instrumentation.openai:OpenAIInstrumentor",),
    ),
    Emitter(
        "openllmetry-anthropic",
        "anthropic_calls.py",
        ("opentelemetry-instrumentation-anthropic", "anthropic", OTLP),
        ("opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",),
    ),
)
