"""DSPy under two instrumentations."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import CAPTURE, LATEST, OTLP

EMITTERS = (
    Emitter(
        "openinference-dspy",
        "dspy_calls.py",
        ("openinference-instrumentation-dspy", "dspy", OTLP),
        ("openinference.instrumentation.dspy:DSPyInstrumentor",),
    ),
    Emitter(
        "opentelemetry-dspy",
        "dspy_calls.py",
        ("opentelemetry-instrumentation-genai-dspy", "dspy", OTLP),
        ("opentelemetry.instrumentation.genai.dspy:DSPyInstrumentor",),
        {**LATEST, CAPTURE: "SPAN_ONLY"},
    ),
)
