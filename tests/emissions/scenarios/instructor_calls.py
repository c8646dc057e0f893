"""Structured answers by Instructor: ``python instructor_calls.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import asyncio
import os
import sys

import instructor
import openai
import said
import tracing
from pydantic import BaseModel


class Weather(BaseModel):
    """Says the weather in a city."""

    city: str


def talk() -> None:
    """Ask for a thing, then be refused."""
    client = instructor.from_openai(openai.OpenAI(base_url=os.environ["OPENAI_BASE_URL"], max_retries=0))
    asked = {"model": said.MODEL, "response_model": Weather, "max_retries": 0}
    print(client.chat.completions.create(**asked, messages=[{"role": "user", "content": said.INSTRUCTED}]).city)
    try:
        client.chat.completions.create(**asked, messages=[{"role": "user", "content": said.FAIL}])
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


async def talk_streamed() -> None:
    """Ask for a thing that grows, in a loop: the instrumentation makes every such stream an asynchronous one."""
    async with openai.AsyncOpenAI(base_url=os.environ["OPENAI_BASE_URL"], max_retries=0) as inner:
        client = instructor.from_openai(inner)
        asked = {"model": said.MODEL, "response_model": Weather, "max_retries": 0}
        question = [{"role": "user", "content": said.INSTRUCTED}]
        async for piece in client.chat.completions.create_partial(**asked, messages=question):
            last = piece
        print(last.city)


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans = tracing.start()
    tracing.instrument(*instrumentors)
    talk()
    asyncio.run(talk_streamed())
    spans.shutdown()


main(*sys.argv[1:])
