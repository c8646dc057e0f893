"""LangChain's models, and an agent with a tool: ``python langchain_calls.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import sys

import said
import tracing
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langchain_talk import fail, talk


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans = tracing.start()
    tracing.instrument(*instrumentors)
    models = [ChatOpenAI(model=said.MODEL, max_retries=0, stream_usage=True)]
    models.append(ChatAnthropic(model=said.CLAUDE, max_retries=0, max_tokens=345))
    with tracing.request() as request:
        for model in models[:1] if request else models:
            talk(model)
            if request is None:  # two reports of a call that failed have nothing in common
                fail(model)
    spans.shutdown()


main(*sys.argv[1:])
