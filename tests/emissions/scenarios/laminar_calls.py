"""Calls under Laminar: ``python laminar_calls.py openai | anthropic``."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import said
from lmnr import Laminar, observe


@observe(span_type="TOOL")
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


@observe(session_id=said.SESSION, user_id=said.USER, tags=list(said.TAGS), metadata={"plan": said.PLAN})
def main(client: str) -> None:
    """Make every sort of call inside of one span."""
    get_weather(city="Oslo")
    if client == "openai":
        import openai
        from openai_talk import chat, embeddings, responses

        asked = openai.OpenAI(max_retries=0)
        chat(asked)
        responses(asked)
        embeddings(asked)
    else:
        import anthropic
        from anthropic_talk import messages

        messages(anthropic.Anthropic(max_retries=0))


address = urlsplit(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
base = f"{address.scheme}://{address.hostname}"
Laminar.initialize(project_api_key="fake", base_url=base, http_port=address.port, force_http=True)
main(*sys.argv[1:])
Laminar.flush()
Laminar.shutdown()
