"""Agents of Pydantic AI with tools, streams and thoughts: ``python pydantic_ai_agent.py VERSION``."""

from __future__ import annotations

import sys
import warnings

import said
import tracing
from pydantic_ai import Agent, ImageUrl
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModel


def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def main(version: str = "") -> None:
    """Run agents one after the other, then flush."""
    warnings.simplefilter("ignore")
    spans, logs = tracing.start(), tracing.start_logs()
    if version:
        Agent.instrument_all(InstrumentationSettings(version=int(version), tracer_provider=spans))
    for model in (OpenAIChatModel(said.MODEL), f"anthropic:{said.CLAUDE}"):
        agent = Agent(model, tools=[get_weather], instructions=said.BRIEF, retries=0)
        agent.run_sync(said.WEATHER)
        plain = Agent(model, system_prompt=said.BRIEF)
        plain.run_sync(said.PLAIN)
        plain.run_sync(said.MANUAL)
        plain.run_sync(said.PRIMES)
        plain.run_sync([said.PICTURE, ImageUrl(url="https://example.org/dot.png")])
        try:
            plain.run_sync(said.FAIL)
        except Exception as error:  # noqa: BLE001  # it is meant to fail
            print(type(error).__name__)
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
