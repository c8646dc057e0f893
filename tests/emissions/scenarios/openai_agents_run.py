"""Agents of OpenAI's SDK with a tool and a stream: ``python openai_agents_run.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import asyncio
import sys

import said
import tracing
from agents import Agent, Runner, function_tool, set_trace_processors


@function_tool
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


async def talk() -> None:
    """Run agents one after the other."""
    plain = Agent("Clerk", instructions=said.BRIEF, model=said.MODEL)
    await Runner.run(plain, said.PLAIN)
    async for _ in Runner.run_streamed(plain, said.STREAMED).stream_events():
        pass
    await Runner.run(Agent("Weatherman", instructions=said.BRIEF, model=said.MODEL, tools=[get_weather]), said.WEATHER)
    await Runner.run(plain, said.MANUAL)
    await Runner.run(Agent("Thinker", instructions=said.BRIEF, model=said.REASONER), said.PRIMES)
    picture = [
        {"type": "input_text", "text": said.PICTURE},
        {"type": "input_image", "image_url": said.PIXEL_URL, "detail": "auto"},
    ]
    await Runner.run(plain, [{"role": "user", "content": picture}])
    history = [
        {"role": "user", "content": said.FIRST},
        {"role": "assistant", "content": said.FIRST_ANSWER},
        {"role": "user", "content": said.SECOND},
    ]
    await Runner.run(plain, history)
    try:
        await Runner.run(plain, said.FAIL)
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


def main(*instrumentors: str) -> None:
    """Instrument, run, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    set_trace_processors([])  # the SDK's own would post to OpenAI
    tracing.instrument(*instrumentors)
    asyncio.run(talk())
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
