"""Ollama's client, through the real library."""

from __future__ import annotations

import asyncio
import contextlib

import ollama
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanwise
from fake_provider import Answer, ToolCall

ASK = {"model": "qwen-test", "messages": [{"role": "user", "content": "Where is Lima?"}]}
FULL = Answer(
    text="In Peru.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}),),
    input_tokens=50, output_tokens=19,
)  # fmt: skip


@pytest.fixture
def client(provider):
    with ollama.Client(host=provider.url) as made:
        yield made


def check_full(spans, *, stream: bool = False) -> None:
    said = spans.attributes()
    assert spans.one().name == "chat qwen-test"
    assert said["gen_ai.provider.name"] == "ollama"
    assert said["server.address"] == "127.0.0.1"
    assert said["gen_ai.request.model"] == said["gen_ai.response.model"] == "qwen-test"
    assert spans.said() == [
        {"type": "reasoning", "content": "I think."},
        {"type": "text", "content": "In Peru."},
        {"type": "tool_call", "id": None, "name": "weather", "arguments": {"city": "Lima"}},
    ]
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["gen_ai.usage.output_tokens"] == 19
    assert said["gen_ai.response.finish_reasons"] == ("stop",)
    assert ("gen_ai.response.time_to_first_chunk" in said) is stream
    spans.clear()


def test_a_chat_whole_and_streamed_tells_the_same(spans, provider, client):
    provider.answer = lambda _: FULL
    assert client.chat(**ASK).message.content == "In Peru."
    check_full(spans)
    parts = list(client.chat(**ASK, stream=True))
    assert "".join(part.message.content or "" for part in parts) == "In Peru."
    check_full(spans, stream=True)


def test_async_the_same(spans, provider):
    provider.answer = lambda _: FULL

    async def go() -> None:
        async with ollama.AsyncClient(host=provider.url) as client:
            await client.chat(**ASK)
            check_full(spans)
            async for _ in await client.chat(**ASK, stream=True):
                pass
            check_full(spans, stream=True)

    asyncio.run(go())


def test_the_request_is_told(spans, client):
    client.chat(
        model="qwen-test",
        messages=[
            {"role": "system", "content": "Be brief."},
            ollama.Message(
                role="user", content="What is it?", images=[ollama.Image(value=b"\x89PNG\r\n\x1a\n picture")]
            ),
            {"role": "assistant", "tool_calls": [{"function": {"name": "look", "arguments": {"at": 1}}}]},
            {"role": "tool", "tool_name": "look", "content": "a cat"},
        ],
        tools=[{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}],
        options={"temperature": 0.5, "num_predict": 99, "top_k": 7, "seed": 3, "stop": ["END"], "num_ctx": 4_096},
        think=True,
        format="json",
    )
    said = spans.attributes()
    assert said["gen_ai.request.temperature"] == 0.5
    assert said["gen_ai.request.max_tokens"] == 99
    assert said["gen_ai.request.top_k"] == 7
    assert said["gen_ai.request.seed"] == 3
    assert said["gen_ai.request.stop_sequences"] == ("END",)
    assert said["gen_ai.output.type"] == "json"
    assert {"think", "num_ctx"} <= set(spans.json("spanwise.request.params"))
    system, asked, called, answered = spans.json("gen_ai.input.messages")
    assert system == {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}
    assert [part["type"] for part in asked["parts"]] == ["text", "blob"]
    assert asked["parts"][1]["mime_type"] == "image/png"
    assert called["parts"][0]["arguments"] == {"at": 1}
    assert answered["parts"] == [{"type": "tool_call_response", "response": "a cat", "name": "look"}]
    assert spans.json("gen_ai.tool.definitions")[0]["name"] == "look"


def test_a_completion_has_its_prompt_and_system_message(spans, provider, client):
    provider.answer = lambda _: Answer(text="In Peru.", input_tokens=5, output_tokens=3)
    for stream in (False, True):
        answer = client.generate(model="qwen-test", prompt="Where is Lima?", system="Be brief.", stream=stream)
        if stream:
            list(answer)
        said = spans.attributes()
        assert said["gen_ai.operation.name"] == "text_completion"
        assert "Where is Lima?" in said["gen_ai.input.messages"]
        assert "Be brief." in said["gen_ai.system_instructions"]
        assert spans.said() == [{"type": "text", "content": "In Peru."}]
        assert said["gen_ai.usage.output_tokens"] == 3
        spans.clear()


def test_embeddings_are_told_without_their_vectors(spans, client):
    assert len(client.embed(model="embed-test", input=["one", "two"]).embeddings) == 2
    said = spans.attributes()
    assert spans.one().name == "embeddings embed-test"
    assert said["gen_ai.usage.input_tokens"] > 0
    assert "gen_ai.output.messages" not in said


def test_a_refusal_is_the_applications_own_error(spans, provider, client):
    provider.answer = lambda _: Answer(status=404, error="model 'qwen-test' not found")
    for call in (lambda: client.chat(**ASK), lambda: list(client.chat(**ASK, stream=True))):
        with pytest.raises(ollama.ResponseError, match="not found"):
            call()
        span = spans.one()
        assert not span.status.is_ok
        assert span.attributes["error.type"] == "ResponseError"
        spans.clear()


def test_a_stream_ends_however_it_ends(spans, provider, client):
    text = "one two three four five six seven eight nine"
    for answer, finish, end, ok in (
        (Answer(text=text), list, "exhausted", True),
        (Answer(text=text, chunk_delay_s=0.002), next, "closed", True),
        (Answer(text=text, cut_after=2), list, "error", False),
        (Answer(text=text, error_after=2, error="Too much."), list, "error", False),
    ):
        provider.answer = lambda _, answer=answer: answer
        stream = client.chat(**ASK, stream=True)
        with contextlib.suppress(Exception):
            finish(stream)
        stream.close()
        span = spans.one()
        assert span.attributes["spanwise.stream.end"] == end
        assert span.status.is_ok is ok
        assert "one two three" in span.attributes["gen_ai.output.messages"]
        spans.clear()


def test_the_application_gets_the_same_with_us_and_without(provider, client):
    provider.answer = lambda _: FULL

    def got():
        return client.chat(**ASK).model_dump(), [part.model_dump() for part in client.chat(**ASK, stream=True)]

    without = got()
    spanwise.init(span_exporter=InMemorySpanExporter())
    try:
        assert got() == without
    finally:
        spanwise.shutdown()
