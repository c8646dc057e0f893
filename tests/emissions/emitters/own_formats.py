"""Providers with formats of their own, under OpenInference, OpenLLMetry and OpenTelemetry."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import CAPTURE, LATEST, OTLP

SPANS = {**LATEST, CAPTURE: "SPAN_ONLY"}

EMITTERS = (
    Emitter(
        "openinference-google-genai",
        "gemini_calls.py",
        ("openinference-instrumentation-google-genai", "google-genai", OTLP),
        ("openinference.instrumentation.google_genai:GoogleGenAIInstrumentor",),
    ),
    Emitter(
        "openinference-ollama",
        "ollama_calls.py",
        ("openinference-instrumentation-ollama", "ollama", OTLP),
        ("openinference.instrumentation.ollama:OllamaInstrumentor",),
    ),
    Emitter(
        "openllmetry-ollama",
        "ollama_calls.py",
        ("opentelemetry-instrumentation-ollama", "ollama", OTLP),
        ("opentelemetry.instrumentation.ollama:OllamaInstrumentor",),
        mistakes={"output_messages": "what tool the answer calls is left out"},
    ),
    Emitter(
        "openinference-bedrock",
        "bedrock_calls.py",
        ("openinference-instrumentation-bedrock", "boto3", OTLP),
        ("openinference.instrumentation.bedrock:BedrockInstrumentor",),
    ),
    Emitter(
        "openllmetry-bedrock",
        "bedrock_calls.py",
        ("opentelemetry-instrumentation-bedrock", "boto3", OTLP),
        ("opentelemetry.instrumentation.bedrock:BedrockInstrumentor",),
        mistakes={
            "request_model": "the name of the model's maker is cut off",
            "model": "the name of the model's maker is cut off",
            "input_messages": "of a picture everything is said but its bytes",
        },
    ),
    Emitter(
        "opentelemetry-bedrock",
        "bedrock_calls.py",
        ("opentelemetry-instrumentation-genai-bedrock", "boto3", OTLP),
        ("opentelemetry.instrumentation.genai.bedrock:BedrockInstrumentor",),
        SPANS,
    ),
)
