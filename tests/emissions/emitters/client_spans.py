"""The anthropic client's own spans, alone and beside those of instrumentations of the same calls."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import CAPTURE, LATEST, OTLP

OWN = {"ANTHROPIC_OPEN_TELEMETRY": "true", "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content"}

TOGETHER = {**OWN, "ONE_REQUEST": "1"}
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
)
