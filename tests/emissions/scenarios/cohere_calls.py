"""Cohere's client asks for chats: ``python cohere_calls.py [MODULE:INSTRUMENTOR]``."""

from __future__ import annotations

import asyncio
import os
import sys

import cohere
import said
import tracing

MODEL = "command-a-03-2025"


def user(content):
    return {"role": "user", "content": content}


def talk(client) -> None:
    """Ask through the second API's ``chat``."""

    def ask(*turns, **more):
        return client.chat(model=MODEL, messages=list(turns), **more)

    ask({"role": "system", "content": said.BRIEF}, user(said.PLAIN), temperature=0.25, max_tokens=345)
    list(client.chat_stream(model=MODEL, messages=[user(said.STREAMED)]))
    made = ask(user(said.WEATHER), tools=[said.OPENAI_TOOL]).message
    (call,) = made.tool_calls
    told = {"role": "tool", "tool_call_id": call.id, "content": said.TOOL_RESULT}
    ask(user(said.WEATHER), made, told, tools=[said.OPENAI_TOOL])
    ask(user(said.PRIMES))
    ask(user(said.FIRST), {"role": "assistant", "content": said.FIRST_ANSWER}, user(said.SECOND))
    try:
        ask(user(said.FAIL), request_options={"max_retries": 0})
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


async def talk_async(client) -> None:
    """Ask two of it, beside a loop's other work."""
    await client.chat(model=MODEL, messages=[user(said.PLAIN)])
    async for _ in client.chat_stream(model=MODEL, messages=[user(said.STREAMED)]):
        pass


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans = tracing.start()
    tracing.instrument(*instrumentors)
    address = {"api_key": "fake", "base_url": os.environ["FAKE_PROVIDER_URL"]}
    talk(cohere.ClientV2(**address))
    if tracing.BY_SPANWISE:
        asyncio.run(talk_async(cohere.AsyncClientV2(**address)))
    spans.shutdown()


main(*sys.argv[1:])
