"""Haystack under OpenInference."""

from __future__ import annotations

from ..emitter import Emitter
from .opentelemetry import OTLP

EMITTERS = (
    Emitter(
        "openinference-haystack",
        "haystack_run.py",
        ("openinference-instrumentation-haystack", "haystack-ai", OTLP),
        ("openinference.instrumentation.haystack:HaystackInstrumentor",),
        {"HAYSTACK_TELEMETRY_ENABLED": "false"},
        dict.fromkeys(
            ("cache_read", "cache_write", "input_messages", "output_messages", "provider"),
            "it stands only in the notation of Python's objects",
        ),
    ),
)
