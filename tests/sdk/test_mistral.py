"""Mistral's client, through the real library."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from mistralai.client import Mistral, errors, models
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanwise
from fake_provider import Answer, ToolCall

ASK = {"model": "mistral-test", "messages": [{"role": "user", "content": "Where is Lima?"}]}
FULL = Answer(
    text="In Peru.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}, id="call_1"),),
    input_tokens=50, output_tokens=19, cache_read=20,
)  # fmt: skip


@pytest.fixture
def client(provider):
    with Mistral(api_key="k", server_url=provider.url) as made:
        yield made


def check_full(spans, *, stream: bool = False) -> None:
    said = spans.attributes()
    assert spans.one().name == "chat mistral-test"
    assert said["gen_ai.provider.name"] == "mistral_ai"
    assert said["server.address"] == "127.0.0.1"
    assert said["gen_ai.response.model"] == "mistral-test"
    assert said["gen_ai.response.id"]
    assert spans.said() == [
        {"type": "reasoning", "content": "I think."},
        {"type": "text", "content": "In Peru."},
        {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Lima"}},
    ]
    assert said["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert ("gen_ai.response.time_to_first_chunk" in said) is stream
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["gen_ai.usage.output_tokens"] == 19
    assert said["gen_ai.usage.cache_read.input_tokens"] == 20
    spans.clear()


def test_a_chat_whole_and_streamed_tells_the_same(spans, provider, client):
    provider.answer = lambda _: FULL
    assert client.chat.complete(**ASK).choices[0].message.content[1].text == "In Peru."
    check_full(spans)
    with client.chat.stream(**ASK) as stream:
        said = [event.data.choices[0].delta.content for event in stream]
        assert "".join(piece for piece in said if isinstance(piece, str)) == "In Peru."
    check_full(spans, stream=True)


def test_async_the_same(spans, provider):
    provider.answer = lambda _: FULL

    async def go() -> None:
        async with Mistral(api_key="k", server_url=provider.url) as client:
            await client.chat.complete_async(**ASK)
            check_full(spans)
            async for _ in await client.chat.stream_async(**ASK):
                pass
            check_full(spans, stream=True)

    asyncio.run(go())


def test_the_request_is_told(spans, client):
    client.chat.complete(
        model="mistral-test",
        messages=[
            models.SystemMessage(content="Be brief."),
            models.UserMessage(content=[
                models.TextChunk(text="What is it?"), models.ImageURLChunk(image_url="https://a.example/cat.png")
            ]),
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "c1", "function": {"name": "look", "arguments": '{"at": 1}'}}
            ]},
            {"role": "tool", "tool_call_id": "c1", "name": "look", "content": "a cat"},
        ],
        tools=[{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
        temperature=0.5, top_p=0.9, max_tokens=99, random_seed=3, stop=["END"], tool_choice="auto",
        response_format={"type": "json_object"},
    )  # fmt: skip
    said = spans.attributes()
    assert said["gen_ai.request.temperature"] == 0.5
    assert said["gen_ai.request.max_tokens"] == 99
    assert said["gen_ai.request.seed"] == 3
    assert said["gen_ai.request.stop_sequences"] == ("END",)
    assert said["gen_ai.output.type"] == "json"
    assert "presence_penalty" not in str(said)
    system, asked, called, answered = spans.json("gen_ai.input.messages")
    assert system["parts"] == [{"type": "text", "content": "Be brief."}]
    assert [part["type"] for part in asked["parts"]] == ["text", "uri"]
    assert called["parts"][-1] == {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}}
    assert answered["parts"] == [{"type": "tool_call_response", "id": "c1", "response": "a cat"}]
    assert spans.json("gen_ai.tool.definitions")[0]["name"] == "look"


def test_messages_that_can_be_read_only_once_are_left_to_the_client(spans, provider, client):
    provider.answer = lambda _: FULL
    answer = client.chat.complete(model="mistral-test", messages=(message for message in ASK["messages"]))
    assert answer.choices[0].message.content[1].text == "In Peru."
    assert provider.requests[-1].body["messages"][0]["content"] == "Where is Lima?"
    assert "gen_ai.input.messages" not in spans.attributes()


def test_a_refusal_is_the_applications_own_error(spans, provider, client):
    provider.answer = lambda _: Answer(status=429, error="Slow down.")
    for call in (client.chat.complete, client.chat.stream):
        with pytest.raises(errors.SDKError, match="Slow down"):
            call(**ASK)
        span = spans.one()
        assert not span.status.is_ok
        assert span.attributes["error.type"] == "SDKError"
        spans.clear()
    with pytest.raises(TypeError):
        client.chat.complete(model="m")
    assert not spans.all()


def test_a_stream_ends_however_it_ends(spans, provider, client):
    text = "one two three four five six seven eight nine"
    for answer, finish, end, ok in (
        (Answer(text=text), list, "exhausted", True),
        (Answer(text=text, chunk_delay_s=0.002), lambda stream: [next(stream), next(stream)], "closed", True),
        (Answer(text=text, cut_after=3), list, "error", False),
    ):
        provider.answer = lambda _, answer=answer: answer
        with contextlib.suppress(Exception), client.chat.stream(**ASK) as stream:
            finish(stream)
        span = spans.one()
        assert span.attributes["spanwise.stream.end"] == end
        assert span.status.is_ok is ok
        assert "one two three" in span.attributes["gen_ai.output.messages"]
        spans.clear()


def test_the_application_gets_the_same_with_us_and_without(provider, client):
    provider.answer = lambda _: FULL
    differs = {"id", "created", "system_fingerprint"}

    def got():
        with client.chat.stream(**ASK) as stream:
            pieces = [event.data.model_dump(exclude=differs) for event in stream]
        return client.chat.complete(**ASK).model_dump(exclude=differs), pieces

    without = got()
    spanwise.init(span_exporter=InMemorySpanExporter())
    try:
        assert got() == without
    finally:
        spanwise.shutdown()


def check_conversation(spans, *, stream: bool = False) -> None:
    said = spans.attributes()
    assert spans.one().name == "chat mistral-test"
    assert said["gen_ai.response.model"] == "mistral-test"
    assert spans.said() == [
        {"type": "text", "content": "In Peru."},
        {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Lima"}},
    ]
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (50, 19)
    assert ("gen_ai.response.time_to_first_chunk" in said) is stream
    assert [message["role"] for message in spans.json("gen_ai.input.messages")] == ["system", "user"]
    assert said["gen_ai.request.temperature"] == 0.5
    spans.clear()


START = {
    "model": "mistral-test", "inputs": "Where is Lima?", "instructions": "Be brief.",
    "completion_args": {"temperature": 0.5},
}  # fmt: skip


def test_a_conversation_is_told_whole_and_streamed(spans, provider, client):
    provider.answer = lambda _: FULL
    conversations = client.beta.conversations
    made = conversations.start(**START)
    check_conversation(spans)
    with conversations.start_stream(**START) as stream:
        assert len(list(stream)) > 3
    check_conversation(spans, stream=True)
    entry = {"type": "function.result", "tool_call_id": "call_1", "result": "21 degrees"}
    conversations.append(conversation_id=made.conversation_id, inputs=[entry])
    (message,) = spans.json("gen_ai.input.messages")
    assert message["parts"] == [{"type": "tool_call_response", "id": "call_1", "response": "21 degrees"}]
    assert spans.json("spanwise.request.params")["conversation_id"] == "conv-1"


def test_an_async_conversation_is_told_likewise(spans, provider):
    provider.answer = lambda _: FULL

    async def go() -> None:
        async with Mistral(api_key="k", server_url=provider.url) as client:
            await client.beta.conversations.start_async(**START)
            check_conversation(spans)
            async for _ in await client.beta.conversations.start_stream_async(**START):
                pass
            check_conversation(spans, stream=True)

    asyncio.run(go())
