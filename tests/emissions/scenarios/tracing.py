"""A tracer provider and a logger provider that export over OTLP, for scenarios whose library brings none."""

from __future__ import annotations

import importlib
import os
from contextlib import nullcontext

from opentelemetry import trace

#: Whether Spanwise records this program, so that it is to switch nothing on by itself.
BY_SPANWISE = os.environ.get("SPANWISE_AUTO") is not None


class Nothing:
    """Stands for a provider where Spanwise has its own."""

    def shutdown(self) -> None:
        """Leave it to Spanwise."""


def start():  # its type lies where only some versions have it
    """Make OTLP the exporter of spans and return its provider, which is to be shut down at the end."""
    if BY_SPANWISE:
        return Nothing()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def start_logs():  # its type lies where only some versions have it
    """Make OTLP the exporter of log records and return their provider."""
    if BY_SPANWISE:
        return Nothing()
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    set_logger_provider(provider)
    try:  # what came before events were log records
        from opentelemetry._events import set_event_logger_provider
        from opentelemetry.sdk._events import EventLoggerProvider
    except ImportError:
        return provider
    set_event_logger_provider(EventLoggerProvider(provider))
    return provider


def request():
    """Return a span around everything where ``ONE_REQUEST`` is set: two reports of a call then share a trace."""
    if os.environ.get("ONE_REQUEST") is None:
        return nullcontext()
    return trace.get_tracer("program").start_as_current_span("request")


def instrument(*names: str, **options: object) -> None:
    """Switch instrumentors on, each named ``module:Class``."""
    for name in names:
        module, _, made = name.partition(":")
        getattr(importlib.import_module(module), made)().instrument(**options)
