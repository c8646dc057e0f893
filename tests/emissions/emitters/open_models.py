"""Providers whose clients have OpenAI's shape, under OpenInference and OpenLLMetry."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import OTLP

EMITTERS = (
    Emitter(
        "openinference-groq",
        "chat_calls.py",
        ("openinference-instrumentation-groq", "groq", OTLP),
        ("groq", "openinference.instrumentation.groq:GroqInstrumentor"),
        mistakes={"cache_write": "what goes to a cache is only in the whole answer, among the provider's own counts"},
    ),
    Emitter(
        "openllmetry-groq",
        "chat_calls.py",
        ("opentelemetry-instrumentation-groq", "groq", OTLP),
        ("groq", "opentelemetry.instrumentation.groq:GroqInstrumentor"),
    ),
    Emitter(
        "openllmetry-together",
        "chat_calls.py",
        ("opentelemetry-instrumentation-together", "together<2", OTLP),
        ("together", "opentelemetry.instrumentation.together:TogetherAiInstrumentor"),
        mistakes={"input_messages": "of an earlier turn, what tool was called is left out"},
    ),
)
