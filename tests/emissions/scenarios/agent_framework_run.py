"""Agents of Microsoft's Agent Framework, which traces itself."""

from __future__ import annotations

import asyncio
import os

import said
import tracing
from agent_framework import Agent, tool
from agent_framework.observability import enable_instrumentation
from agent_framework.openai import OpenAIChatCompletionClient


@tool
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


async def talk() -> None:
    """Ask agents."""
    client = OpenAIChatCompletionClient(model=said.MODEL, api_key="fake", base_url=os.environ["OPENAI_BASE_URL"])
    plain = Agent(client=client, name="Clerk", instructions=said.BRIEF)
    await plain.run(said.PLAIN)
    async for _ in plain.run(said.STREAMED, stream=True):
        pass
    await Agent(client=client, name="Weatherman", instructions=said.BRIEF, tools=[get_weather]).run(said.WEATHER)
    await plain.run(said.MANUAL)
    try:
        await plain.run(said.FAIL)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main() -> None:
    """Switch on, run, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    if not tracing.BY_SPANWISE:
        enable_instrumentation(enable_sensitive_data=True)
    asyncio.run(talk())
    spans.shutdown()
    logs.shutdown()


main()
