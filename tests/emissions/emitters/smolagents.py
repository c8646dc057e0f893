"""smolagents under OpenInference."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import OTLP

LOSSY = "it stands only in the notation of Python's objects"

EMITTERS = (
    Emitter(
        "openinference-smolagents",
        "smolagents_run.py",
        ("openinference-instrumentation-smolagents", "smolagents[openai]", OTLP),
        ("openinference.instrumentation.smolagents:SmolagentsInstrumentor",),
        mistakes=dict.fromkeys(("response_id", "cache_read", "cache_write", "provider"), LOSSY),
    ),
)
