"""LlamaIndex under three instrumentations, of which two leave its calls to the one of the client."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import CAPTURE, LATEST, OTLP

PACKAGES = ("llama-index-core", "llama-index-llms-openai", "llama-index-embeddings-openai", OTLP)

EMITTERS = (
    Emitter(
        "openinference-llama-index",
        "llama_index_calls.py",
        ("openinference-instrumentation-llama-index", *PACKAGES),
        ("openinference.instrumentation.llama_index:LlamaIndexInstrumentor",),
        mistakes={
            "max_tokens": "a name of LlamaIndex's own, which also stands where nobody asked",
            "ttft_ms": "a span ends before the first chunk of its stream comes",
        },
    ),
    Emitter(
        "openllmetry-llamaindex",
        "llama_index_calls.py",
        ("opentelemetry-instrumentation-llamaindex", "opentelemetry-instrumentation-openai", *PACKAGES),
        (
            "opentelemetry.instrumentation.llamaindex:LlamaIndexInstrumentor",
            "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
        ),
    ),
    Emitter(
        "opentelemetry-llama-index",
        "llama_index_calls.py",
        ("opentelemetry-instrumentation-genai-llama-index", "opentelemetry-instrumentation-genai-openai", *PACKAGES),
        (
            "opentelemetry.instrumentation.genai.llama_index:LlamaIndexInstrumentor",
            "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
        ),
        {**LATEST, CAPTURE: "SPAN_ONLY"},
    ),
)
