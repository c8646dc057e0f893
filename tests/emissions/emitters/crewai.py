"""CrewAI under OpenInference, its calls by the instrumentation of the client."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import OTLP

EMITTERS = (
    Emitter(
        "openinference-crewai",
        "crewai_run.py",
        ("openinference-instrumentation-crewai", "openinference-instrumentation-openai", "crewai", OTLP),
        (
            "openinference.instrumentation.crewai:CrewAIInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
        ),
    ),
)
