"""The openai client makes every sort of call: ``python openai_calls.py [MODULE:INSTRUMENTOR [API...]]``."""

from __future__ import annotations

import sys

import async_talk
import openai
import said
import tracing
from openai_talk import chat, embeddings, responses

APIS = {"chat": chat, "responses": responses, "embeddings": embeddings}


def main(instrumentor: str = "", *apis: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*filter(None, [instrumentor]))
    client = openai.OpenAI(max_retries=0)
    for api in apis or APIS:
        APIS[api](client)
    if tracing.BY_SPANWISE:
        async_talk.chat(openai.AsyncOpenAI(max_retries=0), said.MODEL)
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
