"""OpenTelemetry's own instrumentations of model clients, in each of their generations."""

from __future__ import annotations

from ..emitter import Emitter

OTLP = "opentelemetry-exporter-otlp-proto-http"
LATEST = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

EMITTERS = (
    Emitter(
        "opentelemetry-openai",
        "openai_calls.py",
        ("opentelemetry-instrumentation-genai-openai", "openai", OTLP),
        ("opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",),
        {**LATEST, CAPTURE: "SPAN_ONLY"},
    ),
    Emitter(
        "opentelemetry-openai-events",
        "openai_calls.py",
        ("opentelemetry-instrumentation-genai-openai", "openai", OTLP),
        ("opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",),
        {**LATEST, CAPTURE: "EVENT_ONLY", "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "true"},
    ),
    Emitter(
        "opentelemetry-openai-old",
        "openai_calls.py",
        ("opentelemetry-instrumentation-openai-v2==2.1b0", "openai<2", "opentelemetry-sdk<1.37", OTLP),
        ("opentelemetry.instrumentation.openai_v2:OpenAIInstrumentor", "chat"),
        {CAPTURE: "true"},
    ),
    Emitter(
        "opentelemetry-anthropic",
        "anthropic_calls.py",
        ("opentelemetry-instrumentation-genai-anthropic", "anthropic", OTLP),
        ("opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",),
        {**LATEST, CAPTURE: "SPAN_ONLY"},
    ),
)
