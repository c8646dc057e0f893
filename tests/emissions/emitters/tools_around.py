"""What stands around calls: Instructor's structured answers and the Model Context Protocol."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import OTLP

EMITTERS = (
    Emitter(
        "openinference-instructor",
        "instructor_calls.py",
        (
            "openinference-instrumentation-instructor",
            "openinference-instrumentation-openai",
            "instructor",
            "openai",
            OTLP,
        ),
        (
            "openinference.instrumentation.instructor:InstructorInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
        ),
    ),
    Emitter(
        "openllmetry-mcp",
        "mcp_calls.py",
        ("opentelemetry-instrumentation-mcp", "openinference-instrumentation-openai", "mcp<2", "openai", OTLP),
        (
            "opentelemetry.instrumentation.mcp:McpInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
        ),
    ),
    Emitter(
        "mcp",  # from 2.0 on it emits spans of its own
        "mcp_calls.py",
        ("mcp>=2", "openinference-instrumentation-openai", "openai", OTLP),
        ("openinference.instrumentation.openai:OpenAIInstrumentor",),
    ),
)
