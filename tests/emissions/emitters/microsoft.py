"""Microsoft's agents: the Agent Framework, which traces itself, and AutoGen under OpenInference."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import OTLP

EMITTERS = (
    Emitter("agent-framework", "agent_framework_run.py", ("agent-framework-core", "agent-framework-openai", OTLP)),
    Emitter(
        "openinference-autogen",
        "autogen_run.py",
        (
            "openinference-instrumentation-autogen-agentchat",
            "openinference-instrumentation-openai",
            "autogen-agentchat",
            "autogen-ext[openai]",
            OTLP,
        ),
        (
            "openinference.instrumentation.autogen_agentchat:AutogenAgentChatInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
        ),
        mistakes=dict.fromkeys(
            ("request_model", "model", "finish_reasons", "input_tokens", "output_tokens"),
            "of a stream, AutoGen's own idea of the model, and counts of 0",
        ),
    ),
)
