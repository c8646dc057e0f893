"""LiteLLM under OpenInference, with and without the client it calls, and with its own tracing."""

from __future__ import annotations

from ..emitter import Emitter

OTLP = "opentelemetry-exporter-otlp-proto-http"
MADE_UP = {"messages.response_id": "LiteLLM makes up an id in the style of another provider"}

EMITTERS = (
    Emitter(
        "openinference-litellm",
        "litellm_calls.py",
        ("openinference-instrumentation-litellm", "litellm", "mcp", OTLP),
        ("openinference.instrumentation.litellm:LiteLLMInstrumentor",),
        mistakes=MADE_UP,
    ),
    Emitter(
        "openinference-litellm-twice",
        "litellm_calls.py",
        ("openinference-instrumentation-litellm", "openinference-instrumentation-openai", "litellm", "mcp", OTLP),
        (
            "openinference.instrumentation.litellm:LiteLLMInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
        ),
        {"ONE_REQUEST": "1"},
        MADE_UP,
    ),
    Emitter("litellm", "litellm_calls.py", ("litellm", "mcp", OTLP), (), {"OTEL_EXPORTER": "otlp_http"}, MADE_UP),
)
