"""The openai client makes every sort of call: ``python openai_calls.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import sys

import openai
import tracing
from openai_talk import chat, embeddings, responses


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    client = openai.OpenAI(max_retries=0)
    chat(client)
    responses(client)
    embeddings(client)
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
