"""Every sort of call under OpenLIT, which sets everything up itself: ``python openlit_calls.py openai|anthropic``."""

from __future__ import annotations

import os
import sys

import openlit
from opentelemetry import trace


def main(client: str) -> None:
    """Switch on, call, flush."""
    openlit.init(
        otlp_endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
        disable_metrics=True,
        disabled_instrumentors=["httpx", "requests", "urllib", "urllib3", "litellm"],
    )
    if client == "openai":
        import openai
        from openai_talk import chat, embeddings, responses

        made = openai.OpenAI(max_retries=0)
        for talk in (chat, responses, embeddings):
            talk(made)
    else:
        import anthropic
        from anthropic_talk import messages

        messages(anthropic.Anthropic(max_retries=0))
    trace.get_tracer_provider().shutdown()


main(*sys.argv[1:])
