"""Anthropic's messages through the real client."""

from __future__ import annotations

import asyncio

import anthropic
import pytest

from fake_provider import Answer, ToolCall

USER = [{"role": "user", "content": "Where is Lima?"}]
ASK = {"model": "claude-test", "max_tokens": 99, "messages": USER}
FULL = Answer(
    text="In Peru.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}, id="toolu_1"),),
    input_tokens=50, output_tokens=19, cache_read=20, cache_write=5, reasoning_tokens=4,
)  # fmt: skip


def check_full(spans) -> None:
    span = spans.one()
    said = spans.attributes()
    assert span.name == "chat claude-test"
    assert span.instrumentation_scope.name == "spanwise"
    assert said["gen_ai.provider.name"] == "anthropic"
    assert spans.said() == [
        {"type": "reasoning", "content": "I think."},
        {"type": "text", "content": "In Peru."},
        {"type": "tool_call", "id": "toolu_1", "name": "weather", "arguments": {"city": "Lima"}},
    ]
    assert said["gen_ai.usage.input_tokens"] == 50, "cached tokens count as input"
    assert said["gen_ai.usage.cache_read.input_tokens"] == 20
    assert said["gen_ai.usage.cache_write.input_tokens"] == 5
    assert said["gen_ai.usage.output_tokens"] == 19
    assert said["gen_ai.usage.reasoning.output_tokens"] == 4
    assert said["gen_ai.response.finish_reasons"] == ("tool_call",)
    spans.clear()


def test_a_message_whole_and_streamed_and_by_helper_tells_the_same(spans, provider, anthropic_client):
    provider.answer = lambda _: FULL
    anthropic_client.messages.create(**ASK)
    check_full(spans)
    stream = anthropic_client.messages.create(**ASK, stream=True)
    assert isinstance(stream, anthropic.Stream)
    list(stream)
    check_full(spans)
    with anthropic_client.messages.stream(**ASK) as helper:
        assert list(helper.text_stream)
        assert helper.get_final_message().content[1].text == "In Peru."
    check_full(spans)
    anthropic_client.beta.messages.create(**ASK)
    check_full(spans)


def test_async_the_same(spans, provider):
    provider.answer = lambda _: FULL

    async def go() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=provider.url, max_retries=0) as client:
            await client.messages.create(**ASK)
            check_full(spans)
            async for _ in await client.messages.create(**ASK, stream=True):
                pass
            check_full(spans)
            async with client.messages.stream(**ASK) as helper:
                await helper.get_final_message()
            check_full(spans)
            raw = await client.messages.with_raw_response.create(**ASK)
            assert (await raw.parse()).content[1].text == "In Peru."
            check_full(spans)

    asyncio.run(go())


def test_the_request_is_told(spans, anthropic_client):
    anthropic_client.messages.create(
        **{**ASK, "messages": [
            *USER,
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Lima"}},
                {"type": "server_tool_use", "id": "t2", "name": "web_search", "input": {"query": "Lima"}},
                {"type": "web_search_tool_result", "tool_use_id": "t2", "content": []},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "21"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Read me"}},
                {"type": "container_upload", "file_id": "file_2"},
            ]},
        ]},
        system=[{"type": "text", "text": "Be brief."}],
        extra_body={"temperature": 0.5, "top_k": 3}, stop_sequences=["END"], thinking={"type": "disabled"},
        output_config={"effort": "low"},
        tools=[{"name": "weather", "input_schema": {"type": "object", "properties": {}}}],
    )  # fmt: skip
    said = spans.attributes()
    assert said["gen_ai.request.temperature"] == 0.5
    assert said["gen_ai.request.top_k"] == 3
    assert said["gen_ai.request.max_tokens"] == 99
    assert said["gen_ai.request.stop_sequences"] == ("END",)
    assert said["gen_ai.request.reasoning.level"] == "low"
    assert "gen_ai.request.stream" not in said
    assert spans.json("spanwise.request.params") == {
        "thinking": {"type": "disabled"}, "output_config": {"effort": "low"},
    }  # fmt: skip
    assert spans.json("gen_ai.system_instructions") == [{"type": "text", "content": "Be brief."}]
    assert spans.json("gen_ai.tool.definitions") == [
        {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    ]
    told = spans.json("gen_ai.input.messages")
    assert [part["type"] for part in told[1]["parts"]] == [
        "reasoning", "tool_call", "server_tool_call", "server_tool_call_response",
    ]  # fmt: skip
    assert told[2]["parts"] == [
        {"type": "tool_call_response", "id": "t1", "response": "21"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        {"type": "uri", "modality": "image", "mime_type": None, "uri": "https://x.test/a.png"},
        {"type": "file", "modality": "document", "mime_type": None, "file_id": "file_1"},
        {"type": "text", "content": "Read me"},
        {"type": "container_upload", "file_id": "file_2"},
    ]


def test_structured_output_is_json(spans, anthropic_client):
    import pydantic

    class Trip(pydantic.BaseModel):
        city: str

    parsed = anthropic_client.messages.parse(**ASK, output_format=Trip)
    assert parsed.parsed_output == Trip(city="Where is Lima?")
    assert spans.attributes()["gen_ai.output.type"] == "json"


def test_the_clients_own_span_does_not_count_the_call_twice(spans, provider, anthropic_client):
    anthropic_client.messages.create(**ASK)
    assert [span.instrumentation_scope.name for span in spans.all()] == ["spanwise"]


def test_the_clients_own_spans_of_other_calls_stay(spans, provider, anthropic_client):
    with pytest.raises(anthropic.NotFoundError):
        anthropic_client.models.list()
    assert spans.one().instrumentation_scope.name.startswith("com.anthropic.sdk")


@pytest.mark.parametrize(("status", "error"), [(400, "BadRequestError"), (529, "OverloadedError")])
def test_a_refusal_is_an_error_of_its_class(spans, provider, anthropic_client, status, error):
    provider.answer = lambda _: Answer(status=status, error="not today")
    with pytest.raises(anthropic.APIStatusError, match="not today"):
        anthropic_client.messages.create(**ASK)
    assert spans.one().attributes["error.type"] == error


def test_an_error_event_midway_is_an_error(spans, provider, anthropic_client):
    provider.answer = lambda _: Answer(text="a b c d e f g h", error_after=5, error="too much")
    with pytest.raises(anthropic.APIStatusError):
        list(anthropic_client.messages.create(**ASK, stream=True))
    assert "too much" in spans.one().status.description
    assert spans.said()[0]["content"].startswith("a b c")


def test_clouds_go_by_their_own_names():
    from spanwise.providers.anthropic import _name

    class AnthropicBedrock: ...

    class AsyncAnthropicVertex: ...

    assert _name(AnthropicBedrock(), None) == "aws.bedrock"
    assert _name(AsyncAnthropicVertex(), None) == "gcp.vertex_ai"


def test_tools_that_the_provider_runs_are_told_in_a_stream():
    from anthropic.types import (
        InputJSONDelta,
        RawContentBlockDeltaEvent,
        RawContentBlockStartEvent,
        ServerToolUseBlock,
        WebSearchToolResultBlock,
    )

    from spanwise.instrument.generation import Generation
    from spanwise.providers.anthropic import chunk

    g = Generation(content=True)
    block = ServerToolUseBlock(id="t2", name="web_search", input={}, type="server_tool_use")
    chunk(g, RawContentBlockStartEvent(content_block=block, index=0, type="content_block_start"))
    delta = InputJSONDelta(partial_json='{"query": "Lima"}', type="input_json_delta")
    chunk(g, RawContentBlockDeltaEvent(delta=delta, index=0, type="content_block_delta"))
    result = WebSearchToolResultBlock(tool_use_id="t2", content=[], type="web_search_tool_result")
    chunk(g, RawContentBlockStartEvent(content_block=result, index=1, type="content_block_start"))
    told = g.finished()["gen_ai.output.messages"]
    assert '"name":"web_search","server_tool_call":{"type":"web_search","arguments":{"query":"Lima"}}' in told
    assert '"type":"server_tool_call_response","id":"t2"' in told
