"""Agents of AutoGen with a tool: ``python autogen_run.py [MODULE:INSTRUMENTOR...]``."""

from __future__ import annotations

import asyncio
import os
import sys

import said
import tracing
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient


async def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


async def talk() -> None:
    """Ask agents."""
    client = OpenAIChatCompletionClient(
        model=said.MODEL, api_key="fake", base_url=os.environ["OPENAI_BASE_URL"], max_retries=0
    )

    def agent(**more) -> AssistantAgent:
        return AssistantAgent("Clerk", client, system_message=said.BRIEF, **more)

    await agent().run(task=said.PLAIN)
    async for _ in agent(model_client_stream=True).run_stream(task=said.STREAMED):
        pass
    await agent(tools=[get_weather], reflect_on_tool_use=True).run(task=said.WEATHER)
    await agent().run(task=said.MANUAL)
    try:
        await agent().run(task=said.FAIL)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main(*instrumentors: str) -> None:
    """Instrument, run, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    asyncio.run(talk())
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
