"""Mistral's client asks for chats: ``python mistral_calls.py [MODULE:INSTRUMENTOR]``."""

from __future__ import annotations

import asyncio
import os
import sys

import said
import tracing

try:
    from mistralai.client import Mistral
except ImportError:  # before 2.0
    from mistralai import Mistral

MODEL = "mistral-large-latest"


def user(content):
    return {"role": "user", "content": content}


def talk(client) -> None:
    """Ask through ``chat``."""

    def ask(*turns, **more):
        return client.chat.complete(model=MODEL, messages=list(turns), **more)

    ask({"role": "system", "content": said.BRIEF}, user(said.PLAIN), temperature=0.25, max_tokens=345)
    list(client.chat.stream(model=MODEL, messages=[user(said.STREAMED)]))
    made = ask(user(said.WEATHER), tools=[said.OPENAI_TOOL]).choices[0].message
    (call,) = made.tool_calls
    told = {"role": "tool", "tool_call_id": call.id, "name": said.TOOL_NAME, "content": said.TOOL_RESULT}
    ask(user(said.WEATHER), made, told, tools=[said.OPENAI_TOOL])
    ask(user(said.PRIMES))
    picture = [{"type": "text", "text": said.PICTURE}, {"type": "image_url", "image_url": {"url": said.PIXEL_URL}}]
    ask(user(picture))
    ask(user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND))
    try:
        ask(user(said.FAIL))
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


async def talk_async(client) -> None:
    """Ask two of it, beside a loop's other work."""
    await client.chat.complete_async(model=MODEL, messages=[user(said.PLAIN)])
    async for _ in await client.chat.stream_async(model=MODEL, messages=[user(said.STREAMED)]):
        pass


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans = tracing.start()
    tracing.instrument(*instrumentors)
    with Mistral(api_key="fake", server_url=os.environ["FAKE_PROVIDER_URL"]) as client, tracing.request():
        talk(client)
        if tracing.BY_SPANWISE:
            asyncio.run(talk_async(client))
    spans.shutdown()


main(*sys.argv[1:])
