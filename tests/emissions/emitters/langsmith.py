"""LangSmith's exporter to OpenTelemetry."""

from __future__ import annotations

from ..emitter import Emitter

OTLP = "opentelemetry-exporter-otlp-proto-http"
ON = {
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_OTEL_ENABLED": "true",
    "LANGSMITH_OTEL_ONLY": "true",
    "LANGSMITH_API_KEY": "fake",
    "LANGSMITH_ENDPOINT": "http://127.0.0.1:9",
}

EMITTERS = (
    Emitter("langsmith-openai", "langsmith_calls.py", ("langsmith", "openai", OTLP), ("openai",), ON),
    Emitter("langsmith-anthropic", "langsmith_calls.py", ("langsmith", "anthropic<1", OTLP), ("anthropic",), ON),
    Emitter(
        "langsmith-langchain",
        "langsmith_calls.py",
        ("langsmith", "langchain", "langchain-openai", "langchain-anthropic", OTLP),
        ("langchain",),
        ON,
    ),
)
