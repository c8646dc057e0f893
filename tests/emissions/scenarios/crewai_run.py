"""Crews of CrewAI: ``python crewai_run.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import os
import sys

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "CREWAI_TESTING": "true"}

import said
import tracing
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool


@tool("get_weather")
def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def crew(question: str, **more) -> Crew:
    """Return a crew of one agent with one task."""
    llm = LLM(model=f"openai/{said.MODEL}", base_url=os.environ["OPENAI_BASE_URL"], temperature=0.25, max_retries=0)
    agent = Agent(role="Clerk", goal=said.BRIEF, backstory="A clerk.", llm=llm, max_retry_limit=0, **more)
    return Crew(agents=[agent], tasks=[Task(description=question, expected_output="A sentence.", agent=agent)])


def main(*instrumentors: str) -> None:
    """Instrument, run, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    crew(said.PLAIN).kickoff()
    crew(said.WEATHER, tools=[get_weather]).kickoff()
    crew(said.MANUAL).kickoff()
    try:
        crew(said.FAIL).kickoff()
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
