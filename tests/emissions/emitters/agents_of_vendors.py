"""Frameworks that trace themselves: Google's ADK, Strands, Semantic Kernel, Haystack."""

from __future__ import annotations

from ..emitter import Emitter

OTLP = "opentelemetry-exporter-otlp-proto-http"
STRANDS = ("strands-agents[openai,anthropic,otel]", OTLP)
LATEST = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

EMITTERS = (
    Emitter(
        "google-adk",
        "google_adk_agent.py",
        ("google-adk", "litellm", OTLP),
        env={**LATEST, CAPTURE: "SPAN_ONLY"},
        mistakes={
            "output_messages": "a thought is told as text",
            "output_tokens": "thoughts, which are among them already, are added",
            "finish_reasons": "an answer that calls a tool is said to have stopped",
            "messages.tool_definitions": "a tool is told as it was before LiteLLM took the title out of its schema",
        },
    ),
    Emitter("strands", "strands_agent.py", STRANDS),
    Emitter("strands-latest", "strands_agent.py", STRANDS, env=LATEST),
    Emitter(
        "semantic-kernel",
        "semantic_kernel_calls.py",
        ("semantic-kernel", "openai", OTLP),
        env={"SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE": "true"},
        mistakes=dict.fromkeys(
            ("cache_read", "cache_write", "reasoning"), "it stands only in a line of a log, as Python shows an object"
        ),
    ),
    Emitter(
        "haystack",
        "haystack_pipeline.py",
        ("haystack-ai", "opentelemetry-haystack", "openai", OTLP),
        env={"HAYSTACK_CONTENT_TRACING_ENABLED": "true"},
        mistakes={"request_model": "only the model that answered is named"},
    ),
)
