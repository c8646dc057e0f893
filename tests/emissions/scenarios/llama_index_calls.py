"""LlamaIndex's models, and an agent with a tool: ``python llama_index_calls.py MODULE:INSTRUMENTOR...``."""

from __future__ import annotations

import asyncio
import os
import sys

import said
import tracing
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI


def get_weather(city: str) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def user(content):
    return ChatMessage(role="user", content=content)


def model(name: str = said.MODEL) -> OpenAI:
    """Return a model that asks once and no more."""
    return OpenAI(
        model=name,
        temperature=0.25,
        max_tokens=345,
        max_retries=0,
        api_base=os.environ["OPENAI_BASE_URL"],
        additional_kwargs={} if name == said.REASONER else {"stream_options": {"include_usage": True}},
    )


def talk() -> None:
    """Ask through a model and through an agent."""
    llm = OpenAI(
        model=said.MODEL, temperature=0.25, max_tokens=345, max_retries=0, api_base=os.environ["OPENAI_BASE_URL"]
    )
    streaming = model()
    llm.chat([ChatMessage(role="system", content=said.BRIEF), user(said.PLAIN)])
    list(streaming.stream_chat([user(said.STREAMED)]))
    llm.chat([user(said.MANUAL)])
    model(said.REASONER).chat([user(said.PRIMES)])
    llm.chat([ChatMessage(role="user", blocks=[TextBlock(text=said.PICTURE), ImageBlock(url=said.PIXEL_URL)])])
    llm.chat([user(said.FIRST), ChatMessage(role="assistant", content=said.FIRST_ANSWER), user(said.SECOND)])
    asyncio.run(weather(streaming))
    embed = OpenAIEmbedding(model=said.EMBEDDER, api_base=os.environ["OPENAI_BASE_URL"], dimensions=4, max_retries=0)
    embed.get_text_embedding_batch(list(said.EMBEDDED))
    try:
        llm.chat([user(said.FAIL)])
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)


async def weather(llm) -> None:
    """Have an agent call its tool."""
    agent = FunctionAgent(name="Weatherman", tools=[get_weather], llm=llm, system_prompt=said.BRIEF)
    await agent.run(said.WEATHER)


def main(*instrumentors: str) -> None:
    """Instrument, call, flush."""
    spans, logs = tracing.start(), tracing.start_logs()
    tracing.instrument(*instrumentors)
    talk()
    spans.shutdown()
    logs.shutdown()


main(*sys.argv[1:])
