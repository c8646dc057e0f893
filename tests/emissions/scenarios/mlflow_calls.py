"""Calls under MLflow's tracing: ``python mlflow_calls.py openai | anthropic``."""

from __future__ import annotations

import os
import sys

import said

os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"
os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///mlflow.db"

import mlflow


@mlflow.trace(span_type="TOOL")
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


@mlflow.trace(span_type="AGENT")
def main(client: str) -> None:
    """Make every sort of call inside of one trace."""
    about = {"mlflow.trace.session": said.SESSION, "mlflow.trace.user": said.USER}
    mlflow.update_current_trace(metadata=about, tags={"plan": said.PLAN})
    get_weather(city="Oslo")
    if client == "openai":
        import openai
        from openai_talk import chat, embeddings, responses

        mlflow.openai.autolog()
        asked = openai.OpenAI(max_retries=0)
        chat(asked)
        responses(asked)
        embeddings(asked)
    else:
        import anthropic
        from anthropic_talk import messages

        mlflow.anthropic.autolog()
        messages(anthropic.Anthropic(max_retries=0), helper=False)


main(*sys.argv[1:])
mlflow.flush_trace_async_logging()
