"""Structured answers by Instructor, whole and streamed, sync and async."""

from __future__ import annotations

import asyncio
import os

import instructor
import openai
import said
from pydantic import BaseModel


class Weather(BaseModel):
    """Says the weather in a city."""

    city: str


ASK = {"model": said.MODEL, "response_model": Weather, "max_retries": 0}
QUESTION = [{"role": "user", "content": said.INSTRUCTED}]
AT = {"base_url": os.environ["OPENAI_BASE_URL"], "max_retries": 0}


def talk() -> None:
    """Ask for a thing, for a thing that grows, and be refused."""
    client = instructor.from_openai(openai.OpenAI(**AT)).chat.completions
    print(client.create(**ASK, messages=QUESTION).city)
    *_, last = client.create_partial(**ASK, messages=QUESTION)
    print(last.city)
    weather, completion = client.create_with_completion(**ASK, messages=QUESTION)
    print(weather.city, completion.usage.total_tokens)
    try:
        client.create(**ASK, messages=[{"role": "user", "content": said.FAIL}])
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


async def talk_async() -> None:
    """Ask for both in a loop."""
    async with openai.AsyncOpenAI(**AT) as inner:
        client = instructor.from_openai(inner).chat.completions
        print((await client.create(**ASK, messages=QUESTION)).city)
        async for piece in client.create_partial(**ASK, messages=QUESTION):
            last = piece
        print(last.city)


talk()
asyncio.run(talk_async())
