"""OpenInference: Arize's instrumentors."""

from __future__ import annotations

from ..emitter import Emitter

OTLP = "opentelemetry-exporter-otlp-proto-http"

EMITTERS = (
    Emitter(
        "openinference-openai",
        "openai_calls.py",
        ("openinference-instrumentation-openai", "openai", OTLP),
        ("openinference.instrumentation.openai:OpenAIInstrumentor",),
    ),
    Emitter(
        "openinference-anthropic",
        "anthropic_calls.py",
        ("openinference-instrumentation-anthropic", "anthropic", OTLP),
        ("openinference.instrumentation.anthropic:AnthropicInstrumentor",),
    ),
    Emitter(
        "openinference-vertexai",
        "vertex_calls.py",
        ("openinference-instrumentation-vertexai", "google-cloud-aiplatform", OTLP),
        ("openinference.instrumentation.vertexai:VertexAIInstrumentor",),
        {"PYTHONWARNINGS": "ignore"},
    ),
)
