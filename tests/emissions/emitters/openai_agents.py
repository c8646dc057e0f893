"""OpenAI's Agents SDK under three instrumentations; OpenTelemetry's leaves the calls to the one of the client."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import CAPTURE, LATEST, OTLP

STATUS = "an answer that calls a tool is said to have stopped"

EMITTERS = (
    Emitter(
        "openinference-openai-agents",
        "openai_agents_run.py",
        ("openinference-instrumentation-openai-agents", "openai-agents", OTLP),
        ("openinference.instrumentation.openai_agents:OpenAIAgentsInstrumentor",),
        mistakes={"finish_reasons": STATUS},
    ),
    Emitter(
        "openinference-openai-agents-twice",
        "openai_agents_run.py",
        (
            "openinference-instrumentation-openai-agents",
            "openinference-instrumentation-openai",
            "openai-agents",
            OTLP,
        ),
        (
            "openinference.instrumentation.openai_agents:OpenAIAgentsInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
        ),
    ),
    Emitter(
        "openllmetry-openai-agents",
        "openai_agents_run.py",
        ("opentelemetry-instrumentation-openai-agents", "openai-agents", OTLP),
        ("opentelemetry.instrumentation.openai_agents:OpenAIAgentsInstrumentor",),
        mistakes={
            "request_model": "only the model that answered is named",
            "input_messages": "an earlier call of a tool bears the id of its item, not the id that its result names",
        },
    ),
    Emitter(
        "opentelemetry-openai-agents",
        "openai_agents_run.py",
        (
            "opentelemetry-instrumentation-genai-openai-agents",
            "opentelemetry-instrumentation-genai-openai",
            "openai-agents",
            OTLP,
        ),
        (
            "opentelemetry.instrumentation.genai.openai_agents:OpenAIAgentsInstrumentor",
            "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
        ),
        {**LATEST, CAPTURE: "SPAN_ONLY"},
    ),
)
