"""An agent of smolagents with a tool: ``python smolagents_run.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import os
import sys

import said
import tracing
from smolagents import OpenAIServerModel, tool


@tool
def get_weather(city: str) -> str:
    """Says the weather in a city.

    Args:
        city: Where.
    """
    return said.TOOL_RESULT


def user(content):
    return {"role": "user", "content": content}


def talk() -> None:
    """Ask a model."""
    model = OpenAIServerModel(
        model_id=said.MODEL,
        api_base=os.environ["OPENAI_BASE_URL"],
        api_key="fake",
        client_kwargs={"max_retries": 0},
        retry=False,
    )
    model([{"role": "system", "content": said.BRIEF}, user(said.PLAIN)], temperature=0.25, max_tokens=345)
    list(model.generate_stream([user(said.STREAMED)]))
    model([user(said.WEATHER)], tools_to_call_from=[get_weather])
    model([user(said.MANUAL)])
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    model([user(picture)])
    model([user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND)])
    try:
        model([user(said.FAIL)])
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
