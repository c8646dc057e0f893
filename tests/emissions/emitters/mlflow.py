"""MLflow's tracing, exported over OTLP."""

from __future__ import annotations

from ..emitter import Emitter

OTLP = "opentelemetry-exporter-otlp-proto-http"
HTTP = {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}

EMITTERS = (
    Emitter(
        "mlflow-openai",
        "mlflow_calls.py",
        ("mlflow", "openai", OTLP),
        ("openai",),
        HTTP,
        {
            "chat.output_messages": "calls of tools are lost where a stream is put together",
            "chat.finish_reasons": "a stream that calls a tool is said to have stopped",
        },
    ),
    Emitter("mlflow-anthropic", "mlflow_calls.py", ("mlflow", "anthropic", OTLP), ("anthropic",), HTTP),
)
