"""LiteLLM under OpenInference."""

from __future__ import annotations

from ..emitter import Emitter

OTLP = "opentelemetry-exporter-otlp-proto-http"

EMITTERS = (
    Emitter(
        "openinference-litellm",
        "litellm_calls.py",
        ("openinference-instrumentation-litellm", "litellm", "mcp", OTLP),
        ("openinference.instrumentation.litellm:LiteLLMInstrumentor",),
        mistakes={"messages.response_id": "LiteLLM makes up an id in the style of another provider"},
    ),
)
