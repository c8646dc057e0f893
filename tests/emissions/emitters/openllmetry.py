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
        mistakes={
            "responses.output_messages": "a tool call bears the id of its item, not the id that its result names"
        },
    ),
    Emitter(
        "openllmetry-anthropic",
        "anthropic_calls.py",
        ("opentelemetry-instrumentation-anthropic", "anthropic", OTLP),
        ("opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",),
        mistakes={"output_tokens": "of a stream, those of the first event are added to the total, which has them"},
    ),
)
