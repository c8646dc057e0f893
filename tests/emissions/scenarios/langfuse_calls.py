"""The openai client under Langfuse's wrapper, inside of an observed function with a session and a user."""

from __future__ import annotations

import os

import said

os.environ["LANGFUSE_BASE_URL"] = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]

from langfuse import get_client, observe, propagate_attributes
from langfuse.openai import openai
from openai_talk import chat, embeddings, responses


@observe(as_type="tool")
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


@observe(as_type="agent")
def main() -> None:
    """Make every sort of call."""
    client = openai.OpenAI(max_retries=0)
    about = {"session_id": said.SESSION, "user_id": said.USER, "tags": list(said.TAGS), "metadata": {"plan": said.PLAN}}
    with propagate_attributes(**about):
        get_weather(city="Oslo")
        chat(client)
        responses(client)
        embeddings(client)


main()
get_client().flush()
