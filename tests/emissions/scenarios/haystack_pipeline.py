"""Haystack's pipelines and an agent, with a model of OpenAI's."""

from __future__ import annotations

from typing import Annotated

import said
import tracing
from haystack import Document, Pipeline
from haystack import tracing as haystack_tracing
from haystack.components.agents import Agent
from haystack.components.builders import ChatPromptBuilder
from haystack.components.embedders import OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.dataclasses import ChatMessage, ImageContent
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.tools import tool
from haystack_integrations.tracing.opentelemetry import OpenTelemetryTracer


@tool
def get_weather(city: Annotated[str, "its name"]) -> str:
    """Says the weather in a city."""
    return said.TOOL_RESULT


def generator(**more) -> OpenAIChatGenerator:
    """Return a model that is asked once."""
    return OpenAIChatGenerator(model=said.MODEL, max_retries=0, **more)


def pipeline(model: OpenAIChatGenerator) -> Pipeline:
    """Return a pipeline of one model."""
    made = Pipeline()
    made.add_component("llm", model)
    return made


def main() -> None:
    """Run everything, then flush."""
    spans = tracing.start()
    haystack_tracing.enable_tracing(OpenTelemetryTracer(spans.get_tracer("haystack")))
    built = pipeline(generator(generation_kwargs={"temperature": 0.25, "max_tokens": 345}))
    template = [ChatMessage.from_system(said.BRIEF), ChatMessage.from_user("{{question}}")]
    built.add_component("builder", ChatPromptBuilder(template=template, required_variables=["question"]))
    built.connect("builder.prompt", "llm.messages")
    built.run({"builder": {"question": said.PLAIN}})
    Agent(chat_generator=generator(), tools=[get_weather], system_prompt=said.BRIEF).run(
        messages=[ChatMessage.from_user(said.WEATHER)]
    )
    streaming = generator(
        streaming_callback=lambda chunk: None, generation_kwargs={"stream_options": {"include_usage": True}}
    )
    pipeline(streaming).run({"llm": {"messages": [ChatMessage.from_user(said.STREAMED)]}})
    asked = pipeline(generator())
    dot = ImageContent(base64_image=said.PIXEL, mime_type="image/png")
    turns = [ChatMessage.from_user(said.FIRST), ChatMessage.from_assistant(said.FIRST_ANSWER)]
    for messages in (
        [ChatMessage.from_user(said.MANUAL)],
        [ChatMessage.from_user(said.PRIMES)],
        [ChatMessage.from_user(content_parts=[said.PICTURE, dot])],
        [*turns, ChatMessage.from_user(said.SECOND)],
    ):
        asked.run({"llm": {"messages": messages}})
    found = Pipeline()
    store = InMemoryDocumentStore()
    store.write_documents([Document(id="d-1", content="Oslo is rainy.")])
    found.add_component("retriever", InMemoryBM25Retriever(store))
    found.run({"retriever": {"query": "Oslo"}})
    embedded = Pipeline()
    embedded.add_component("embedder", OpenAITextEmbedder(model=said.EMBEDDER, dimensions=4))
    embedded.run({"embedder": {"text": said.EMBEDDED[0]}})
    try:
        asked.run({"llm": {"messages": [ChatMessage.from_user(said.FAIL)]}})
    except Exception as error:  # noqa: BLE001  # it is meant to fail
        print(type(error).__name__)
    spans.shutdown()


main()
