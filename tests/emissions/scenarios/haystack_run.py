"""Pipelines of Haystack and an agent with a tool: ``python haystack_run.py MODULE:INSTRUMENTOR``."""

from __future__ import annotations

import sys

import said
import tracing
from haystack import Pipeline
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import tool


@tool
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def asked(*messages: ChatMessage, **options) -> None:
    """Ask through a pipeline of its own."""
    pipeline = Pipeline()
    pipeline.add_component("llm", OpenAIChatGenerator(model=said.MODEL, max_retries=0, **options))
    pipeline.run({"llm": {"messages": list(messages)}})


def talk() -> None:
    """Ask through pipelines, then through an agent."""
    user = ChatMessage.from_user
    asked(
        ChatMessage.from_system(said.BRIEF),
        user(said.PLAIN),
        generation_kwargs={"temperature": 0.25, "max_tokens": 345},
    )
    counted = {"stream_options": {"include_usage": True}}
    asked(user(said.STREAMED), streaming_callback=lambda _: None, generation_kwargs=counted)
    asked(user(said.MANUAL))
    asked(user(said.FIRST), ChatMessage.from_assistant(said.FIRST_ANSWER), user(said.SECOND))
    agent = Agent(
        chat_generator=OpenAIChatGenerator(model=said.MODEL, max_retries=0),
        tools=[get_weather],
        system_prompt=said.BRIEF,
    )
    agent.run(messages=[user(said.WEATHER)])
    try:
        asked(user(said.FAIL))
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main(*instrumentors: str) -> None:
    """Instrument, run, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    talk()
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
