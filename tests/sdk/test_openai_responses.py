"""OpenAI's Responses API through the real client."""

from __future__ import annotations

import asyncio

import openai
import pydantic
import pytest

from fake_provider import Answer, ToolCall


class Trip(pydantic.BaseModel):
    city: str
    days: int


FULL = Answer(
    text="In Peru.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}, id="call_1"),),
    input_tokens=50, output_tokens=19, cache_read=20, cache_write=5, reasoning_tokens=4,
)  # fmt: skip
PARTS = [
    {"type": "reasoning", "content": "I think."},
    {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Lima"}},
    {"type": "text", "content": "In Peru."},
]


def check_full(spans) -> None:
    said = spans.attributes()
    assert spans.said() == PARTS
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["gen_ai.usage.output_tokens"] == 19
    assert said["gen_ai.usage.cache_read.input_tokens"] == 20
    assert said["gen_ai.usage.cache_write.input_tokens"] == 5
    assert said["gen_ai.usage.reasoning.output_tokens"] == 4
    assert said["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert said["gen_ai.response.id"].startswith("resp_")


def test_a_response_tells_what_was_asked_and_said(spans, provider, openai_client):
    provider.answer = lambda _: FULL
    openai_client.responses.create(
        model="gpt-5",
        input="Where is Lima?",
        instructions="Be brief.",
        max_output_tokens=99,
        reasoning={"effort": "low"},
        conversation={"id": "conv_1"},
        text={"format": {"type": "json_object"}},
        tools=[{"type": "function", "name": "weather", "parameters": {}, "strict": False}],
    )
    check_full(spans)
    said = spans.attributes()
    assert spans.json("gen_ai.system_instructions") == [{"type": "text", "content": "Be brief."}]
    assert spans.json("gen_ai.input.messages") == [
        {"role": "user", "parts": [{"type": "text", "content": "Where is Lima?"}]}
    ]
    assert said["gen_ai.request.reasoning.level"] == "low"
    assert said["gen_ai.request.max_tokens"] == 99
    assert said["gen_ai.conversation.id"] == "conv_1"
    assert said["gen_ai.output.type"] == "json"
    assert spans.json("gen_ai.tool.definitions")[0]["name"] == "weather"


def test_a_streamed_response_tells_the_same(spans, provider, openai_client):
    provider.answer = lambda _: FULL
    stream = openai_client.responses.create(model="gpt-5", input="Where is Lima?", stream=True)
    kinds = [event.type for event in stream]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    check_full(spans)


def test_a_stream_that_is_cut_tells_what_had_arrived(spans, provider, openai_client):
    provider.answer = lambda _: Answer(
        reasoning="I think.",
        tool_calls=(ToolCall("weather", {"city": "Lima"}, id="call_1"),),
        text="In Peru.",
        cut_after=17,
    )
    with pytest.raises(openai.APIConnectionError):
        list(openai_client.responses.create(model="gpt-5", input="Where is Lima?", stream=True))
    assert spans.said() == PARTS
    assert spans.attributes()["error.type"] == "APIConnectionError"
    assert spans.attributes()["spanwise.stream.end"] == "error"


def test_an_error_event_is_an_error(spans, provider, openai_client):
    provider.answer = lambda _: Answer(text="In Peru.", error_after=2, error="too much")
    list(openai_client.responses.create(model="gpt-5", input="Where is Lima?", stream=True))
    span = spans.one()
    assert span.status.description == "too much"
    assert span.attributes["error.type"] == "server_error"


def test_a_response_that_ran_out_of_tokens_says_so(spans, provider, openai_client):
    provider.answer = lambda _: Answer(text="In", finish_reason="length")
    openai_client.responses.create(model="gpt-5", input="Where is Lima?")
    assert spans.attributes()["gen_ai.response.finish_reasons"] == ("length",)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_a_part(spans, provider, openai_client, stream):
    provider.answer = lambda _: Answer(refusal="I will not.")
    result = openai_client.responses.create(model="gpt-5", input="Where is Lima?", stream=stream)
    if stream:
        list(result)
    assert spans.said() == [{"type": "refusal", "content": "I will not."}]


def test_every_kind_of_item_is_told(spans, openai_client):
    openai_client.responses.create(
        model="gpt-5",
        input=[
            {"role": "user", "content": "Hi"},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Look"},
                    {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "auto"},
                    {"type": "input_image", "file_id": "file-1", "detail": "auto"},
                    {"type": "input_file", "file_id": "file-2"},
                    {"type": "input_file", "file_url": "https://x.test/a.pdf"},
                    {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                ],
            },
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "not json"},
            {"type": "function_call_output", "call_id": "c1", "output": "21"},
            {"type": "item_reference", "id": "msg_1"},
        ],
    )
    told = spans.json("gen_ai.input.messages")
    assert [message["role"] for message in told] == ["user", "user", "assistant", "assistant", "tool", "assistant"]
    assert [part["type"] for part in told[1]["parts"]] == ["text", "uri", "file", "file", "uri", "blob"]
    assert told[2]["parts"] == [{"type": "reasoning", "content": "Hm."}]
    assert told[3]["parts"] == [{"type": "tool_call", "id": "c1", "name": "f", "arguments": "not json"}]
    assert told[4]["parts"] == [{"type": "tool_call_response", "id": "c1", "response": "21"}]
    assert told[5]["parts"] == [{"type": "item_reference", "id": "msg_1"}]


def test_helpers_and_async_are_one_span_each(spans, provider, openai_client):
    assert openai_client.responses.parse(model="gpt-5", input="Lima", text_format=Trip).output_parsed.days == 1
    assert spans.attributes()["gen_ai.output.type"] == "json"
    spans.clear()
    with openai_client.responses.stream(model="gpt-5", input="Lima") as stream:
        assert stream.get_final_response().output_text
    assert spans.attributes()["spanwise.stream.end"] == "exhausted"
    spans.clear()

    async def go() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as client:
            await client.responses.create(model="gpt-5", input="Lima")
            assert spans.said()
            spans.clear()
            async with client.responses.stream(model="gpt-5", input="Lima") as helper:
                async for _ in helper:
                    break
            assert spans.attributes()["spanwise.stream.end"] == "closed"

    asyncio.run(go())


def test_embeddings_tell_texts_and_usage_but_no_vectors(spans, openai_client):
    result = openai_client.embeddings.create(model="text-embedding-3-small", input=["a b", "c"], dimensions=8)
    assert len(result.data[1].embedding) == 8
    said = spans.attributes()
    assert spans.one().name == "embeddings text-embedding-3-small"
    assert said["spanwise.kind"] == "embedding"
    assert said["gen_ai.operation.name"] == "embeddings"
    assert spans.json("spanwise.input") == ["a b", "c"]
    assert said["gen_ai.usage.input_tokens"] == 2
    assert said["gen_ai.embeddings.dimension.count"] == 8
    assert "gen_ai.usage.output_tokens" not in said
