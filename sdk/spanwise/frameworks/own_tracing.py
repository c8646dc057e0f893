"""Frameworks that trace themselves over OpenTelemetry: switched on, content included where content is kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from ..runtime import HELD
from .framework import framework

Undo = Callable[[], None]
#: By which frameworks of the newest conventions are told to keep what is said, on spans.
_CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_CONVENTIONS: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"


def _pydantic_ai(module: ModuleType) -> Undo:
    """Have every agent tell of itself, unless the program has said how."""
    agent: Any = module.Agent
    before = agent._instrument_default
    if before:
        return _nothing
    agent.instrument_all(module.InstrumentationSettings(include_content=HELD.runtime.config.capture_content))

    def undo() -> None:
        agent.instrument_all(before)

    return undo


def _semantic_kernel(module: ModuleType) -> Undo:
    """Set what Semantic Kernel reads of the environment while it is imported."""
    settings: Any = module.MODEL_DIAGNOSTICS_SETTINGS
    before = settings.enable_otel_diagnostics, settings.enable_otel_diagnostics_sensitive
    settings.enable_otel_diagnostics = True
    settings.enable_otel_diagnostics_sensitive = HELD.runtime.config.capture_content

    def undo() -> None:
        settings.enable_otel_diagnostics, settings.enable_otel_diagnostics_sensitive = before

    return undo


def _agent_framework(module: ModuleType) -> Undo:
    """Switch on what Microsoft's Agent Framework has."""
    settings: Any = module.OBSERVABILITY_SETTINGS
    before = settings.enable_instrumentation, settings.enable_sensitive_data
    settings.enable_instrumentation = True
    settings.enable_sensitive_data = HELD.runtime.config.capture_content

    def undo() -> None:
        settings.enable_instrumentation, settings.enable_sensitive_data = before

    return undo


def _by_environment(module: ModuleType) -> Undo:  # noqa: ARG001  # every one is called alike
    """Leave on what is always on, and have it say what was said in the words of today's conventions."""
    said = {_CONVENTIONS: "gen_ai_latest_experimental"}
    if HELD.runtime.config.capture_content:
        said[_CAPTURE] = "SPAN_ONLY"
    added = [name for name in said if name not in os.environ]
    os.environ.update({name: said[name] for name in added})

    def undo() -> None:
        for name in added:
            os.environ.pop(name, None)

    return undo


def _nothing() -> None:
    """Undo nothing."""


PYDANTIC_AI: Final = framework("pydantic-ai", "pydantic_ai", _pydantic_ai)
SEMANTIC_KERNEL: Final = framework(
    "semantic-kernel", "semantic_kernel.utils.telemetry.model_diagnostics.decorators", _semantic_kernel
)
AGENT_FRAMEWORK: Final = framework("agent-framework", "agent_framework.observability", _agent_framework)
GOOGLE_ADK: Final = framework("google-adk", "google.adk", _by_environment)
STRANDS: Final = framework("strands", "strands", _by_environment)
