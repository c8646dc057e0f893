"""What a model of LangChain's is asked, and an agent with a tool."""

from __future__ import annotations

import said
from langchain.agents import create_agent
from langchain_core.tools import tool


@tool
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def talk(model, config=None) -> None:
    """Ask one model, under a configuration with callbacks or metadata."""
    model.invoke([("system", said.BRIEF), ("user", said.PLAIN)], config)
    list(model.stream(said.STREAMED, config))
    model.invoke(said.MANUAL, config)
    model.invoke(said.PRIMES, config)
    model.invoke([("user", said.FIRST), ("assistant", said.FIRST_ANSWER), ("user", said.SECOND)], config)
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    model.invoke([{"role": "user", "content": picture}], config)
    create_agent(model, tools=[get_weather]).invoke({"messages": [("user", said.WEATHER)]}, config)


def fail(model, config=None) -> None:
    """Be refused."""
    try:
        model.invoke(said.FAIL, config)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)
