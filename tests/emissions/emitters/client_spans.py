"""Own spans of the clients of Anthropic and Mistral, alone and beside those of instrumentations of the same calls."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import CAPTURE, LATEST, OTLP

OWN = {"ANTHROPIC_OPEN_TELEMETRY": "true", "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content"}

TOGETHER = {**OWN, "ONE_REQUEST": "1"}
MISTRALS = {"MISTRAL_SDK_TELEMETRY": "global"}  # from 2.0 on; before, it was always on
UNTOLD = {"status": "the client does not say that a call failed"}
MISTAKES = {"input_messages": "of a picture it is only said that there was one"}

EMITTERS = (
    Emitter("anthropic-client", "anthropic_calls.py", ("anthropic", OTLP), env=OWN, mistakes=MISTAKES),
    Emitter(
        "anthropic-client-and-opentelemetry",
        "anthropic_calls.py",
        ("opentelemetry-instrumentation-genai-anthropic", "anthropic", OTLP),
        ("opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",),
        {**LATEST, CAPTURE: "SPAN_ONLY", **TOGETHER},
        MISTAKES,
    ),
    Emitter(
        "anthropic-client-and-openinference",
        "anthropic_calls.py",
        ("openinference-instrumentation-anthropic", "anthropic", OTLP),
        ("openinference.instrumentation.anthropic:AnthropicInstrumentor",),
        TOGETHER,
        MISTAKES,
    ),
    Emitter("mistral-client", "mistral_calls.py", ("mistralai", OTLP), env=MISTRALS, mistakes=UNTOLD),
    Emitter(
        "mistral-client-and-openinference",
        "mistral_calls.py",
        ("openinference-instrumentation-mistralai", "mistralai", OTLP),
        ("openinference.instrumentation.mistralai:MistralAIInstrumentor",),
        {**MISTRALS, "ONE_REQUEST": "1"},
        UNTOLD,
    ),
    Emitter(
        "mistral-client-and-openllmetry",
        "mistral_calls.py",
        ("opentelemetry-instrumentation-mistralai", "mistralai<2", OTLP),
        ("opentelemetry.instrumentation.mistralai:MistralAiInstrumentor",),
        {"ONE_REQUEST": "1"},
    ),
)
