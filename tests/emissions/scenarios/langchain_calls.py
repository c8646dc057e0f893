"""LangChain's models, and an agent with a tool: ``python langchain_calls.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import sys

import said
import tracing
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def talk(model) -> None:
    """Ask one model."""
    model.invoke([("system", said.BRIEF), ("user", said.PLAIN)])
    list(model.stream(said.STREAMED))
    model.invoke(said.MANUAL)
    model.invoke(said.PRIMES)
    model.invoke([("user", said.FIRST), ("assistant", said.FIRST_ANSWER), ("user", said.SECOND)])
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    model.invoke([{"role": "user", "content": picture}])
    create_agent(model, tools=[get_weather]).invoke({"messages": [("user", said.WEATHER)]})


def fail(model) -> None:
    """Be refused."""
    try:
        model.invoke(said.FAIL)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


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
