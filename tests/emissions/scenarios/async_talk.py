"""The same of asynchronous clients: a whole answer and a stream."""

from __future__ import annotations

import asyncio

import said


def run(ask, model: str, **streaming) -> None:  # any coroutine function that takes a conversation
    """Ask twice, in a loop of its own; *streaming* goes with the second."""

    async def go() -> None:
        await ask(model=model, messages=[{"role": "user", "content": said.PLAIN}])
        turns = [{"role": "user", "content": said.STREAMED}]
        async for _ in await ask(model=model, messages=turns, stream=True, **streaming):
            pass

    asyncio.run(go())


def chat(client, model: str) -> None:  # any client of the openai family
    """Ask through Chat Completions, with counts in the stream."""
    run(client.chat.completions.create, model, extra_body={"stream_options": {"include_usage": True}})


def messages(client) -> None:  # any client of the anthropic family
    """Ask through the Messages API."""

    async def ask(**asked):
        return await client.messages.create(max_tokens=345, **asked)

    run(ask, said.CLAUDE)
