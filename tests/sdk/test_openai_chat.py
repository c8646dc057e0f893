"""OpenAI's chat completions through the real client."""

from __future__ import annotations

import asyncio

import httpx
import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletionChunk

import spanwise
from fake_provider import Answer, FakeProvider, ToolCall

USER = [{"role": "user", "content": "Where is Lima?"}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Tells it", "parameters": WEATHER}}]


class Trip(pydantic.BaseModel):
    city: str
    days: int


def test_a_call_tells_what_was_asked_and_said(spans, provider, openai_client):
    provider.answer = lambda _: Answer(text="In Peru.", model="gpt-4o-2024", input_tokens=50, output_tokens=9,
                                       cache_read=20, reasoning_tokens=4)  # fmt: skip
    result = openai_client.chat.completions.create(
        model="gpt-4o", messages=USER, temperature=0, max_completion_tokens=99, stop="END", tool_choice="auto"
    )
    assert result.choices[0].message.content == "In Peru."
    span = spans.one()
    assert span.name == "chat gpt-4o"
    said = spans.attributes()
    assert said["spanwise.kind"] == "llm"
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.provider.name"] == "openai"
    assert said["gen_ai.request.model"] == "gpt-4o"
    assert said["gen_ai.response.model"] == "gpt-4o-2024"
    assert said["gen_ai.response.id"] == result.id
    assert said["gen_ai.request.temperature"] == 0
    assert said["gen_ai.request.max_tokens"] == 99
    assert said["gen_ai.request.stop_sequences"] == ("END",)
    assert spans.json("spanwise.request.params") == {"tool_choice": "auto"}
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["gen_ai.usage.output_tokens"] == 9
    assert said["gen_ai.usage.cache_read.input_tokens"] == 20
    assert said["gen_ai.usage.reasoning.output_tokens"] == 4
    assert said["gen_ai.response.finish_reasons"] == ("stop",)
    assert said["server.address"] == "127.0.0.1"
    assert spans.json("gen_ai.input.messages") == [
        {"role": "user", "parts": [{"type": "text", "content": "Where is Lima?"}]}
    ]
    assert spans.said() == [{"type": "text", "content": "In Peru."}]


def test_a_stream_tells_the_same_and_its_usage(spans, provider, openai_client):
    provider.answer = lambda _: Answer(text="In Peru, on the coast.", input_tokens=50, output_tokens=9)
    stream = openai_client.chat.completions.create(model="gpt-4o", messages=USER, stream=True)
    assert isinstance(stream, openai.Stream)
    chunks = list(stream)
    assert all(chunk.choices for chunk in chunks), "the chunk that we asked for is not the application's"
    assert provider.requests[0].body["stream_options"] == {"include_usage": True}
    said = spans.attributes()
    assert spans.said() == [{"type": "text", "content": "In Peru, on the coast."}]
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["gen_ai.request.stream"] is True
    assert 0 < said["gen_ai.response.time_to_first_chunk"] < 10
    assert said["spanwise.stream.end"] == "exhausted"


def test_usage_that_the_application_asked_for_is_the_applications(spans, openai_client):
    stream = openai_client.chat.completions.create(
        model="gpt-4o", messages=USER, stream=True, stream_options={"include_usage": True}
    )
    assert list(stream)[-1].usage.total_tokens > 0
    assert spans.attributes()["gen_ai.usage.input_tokens"] > 0


@pytest.mark.parametrize(
    ("wanted", "host", "asked"),
    [
        ("auto", "api.openai.com", True),
        ("auto", "openai.example.com", False),
        ("auto", "localhost", True),
        ("auto", "10.0.0.7", False),
        ("auto", None, False),
        ("always", "openai.example.com", True),
        ("never", "api.openai.com", False),
    ],
)
def test_usage_is_asked_for_where_it_is_known_to_be_told(wanted, host, asked):
    from types import SimpleNamespace

    from spanwise.providers.openai import PROVIDER

    spanwise.init(stream_usage=wanted, instrument="none", span_exporter=_Nowhere())
    client = SimpleNamespace(base_url=SimpleNamespace(host=host, port=None))
    body = {"model": "m", "messages": USER, "stream": True}
    options = SimpleNamespace(url="/chat/completions", method="post", json_data=body, headers={})
    try:
        found = PROVIDER.methods["SyncAPIClient.request"](client, (None, options), {})
    finally:
        spanwise.shutdown()
    assert found.asked_for_usage is asked
    assert ("stream_options" in options.json_data) is asked
    assert "stream_options" not in body, "the application's own mapping stays as it was"


class _Nowhere:
    def shutdown(self):
        pass


def test_usage_that_the_application_refused_is_not_asked_for(spans, provider, openai_client):
    stream = openai_client.chat.completions.create(
        model="gpt-4o", messages=USER, stream=True, stream_options={"include_usage": False}
    )
    list(stream)
    assert provider.requests[0].body["stream_options"] == {"include_usage": False}
    assert spans.attributes()["spanwise.usage.estimated_by"] == "o200k_base", "so it is not the provider's count"


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_are_parts(spans, openai_client, stream):
    result = openai_client.chat.completions.create(model="gpt-4o", messages=USER, tools=TOOLS, stream=stream)
    if stream:
        list(result)
    (part,) = spans.said()
    assert part.pop("id").startswith("call_")
    assert part == {"type": "tool_call", "name": "weather", "arguments": {"city": "Where is Lima?"}}
    assert spans.attributes()["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert spans.json("gen_ai.tool.definitions") == [
        {"type": "function", "name": "weather", "description": "Tells it", "parameters": WEATHER}
    ]


def test_the_conversation_is_told_part_by_part(spans, openai_client):
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Lima"}'}}
    openai_client.chat.completions.create(
        model="gpt-4o",
        messages=[
            {"role": "system", "content": "Be kind.", "name": "boss"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC"}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "21 degrees"}]},
            {"role": "assistant", "refusal": "No.", "content": [{"type": "refusal", "refusal": "Never."}]},
        ],
    )
    assert spans.json("gen_ai.input.messages") == [
        {"role": "system", "name": "boss", "parts": [{"type": "text", "content": "Be kind."}]},
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "Look"},
                {"type": "uri", "modality": "image", "mime_type": None, "uri": "https://x.test/a.png"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
                {"type": "blob", "modality": "audio", "mime_type": "audio/mp3", "content": "BBBB"},
                {"type": "file", "modality": "document", "mime_type": None, "file_id": "file-1"},
                {"type": "blob", "modality": "document", "mime_type": "application/pdf", "content": "CCCC"},
            ],
        },
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Lima"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "21 degrees"}]},
        {
            "role": "assistant",
            "parts": [{"type": "refusal", "content": "Never."}, {"type": "refusal", "content": "No."}],
        },
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_and_refusal_have_parts_of_their_own(spans, provider, openai_client, stream):
    provider.answer = lambda _: Answer(reasoning="I think about it.", refusal="I will not.")
    result = openai_client.chat.completions.create(model="deepseek-r1", messages=USER, stream=stream)
    if stream:
        list(result)
    assert spans.said() == [
        {"type": "reasoning", "content": "I think about it."},
        {"type": "refusal", "content": "I will not."},
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_every_choice_is_a_message(spans, provider, openai_client, stream):
    provider.answer = lambda _: Answer(text="Yes.", finish_reason="length")
    result = openai_client.chat.completions.create(model="gpt-4o", messages=USER, n=2, stream=stream)
    if stream:
        list(result)
    assert len(spans.json("gen_ai.output.messages")) == 2
    assert spans.attributes()["gen_ai.response.finish_reasons"] == ("length", "length")
    assert spans.attributes()["gen_ai.request.choice.count"] == 2


def test_parse_is_one_span_and_returns_the_parsed_object(spans, openai_client):
    parsed = openai_client.chat.completions.parse(model="gpt-4o", messages=USER, response_format=Trip)
    assert parsed.choices[0].message.parsed == Trip(city="Where is Lima?", days=1)
    assert spans.attributes()["gen_ai.output.type"] == "json"
    assert '"days": 1' in spans.said()[0]["content"]


def test_the_stream_helper_is_one_span(spans, openai_client):
    with openai_client.chat.completions.stream(model="gpt-4o", messages=USER, response_format=Trip) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.parsed == Trip(city="Where is Lima?", days=1)
    assert spans.attributes()["spanwise.stream.end"] == "exhausted"


def test_the_stream_helper_left_early_ends_its_span_at_once(spans, openai_client):
    with openai_client.chat.completions.stream(model="gpt-4o", messages=USER) as stream:
        next(stream)
    assert spans.attributes()["spanwise.stream.end"] == "closed"
    assert stream is not None


def test_async_calls_and_streams(spans, provider):
    async def go() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as client:
            result = await client.chat.completions.create(model="gpt-4o", messages=USER)
            assert spans.attributes()["gen_ai.response.id"] == result.id
            spans.clear()
            stream = await client.chat.completions.create(model="gpt-4o", messages=USER, stream=True)
            assert isinstance(stream, openai.AsyncStream)
            assert len([chunk async for chunk in stream]) > 2
            assert spans.attributes()["spanwise.stream.end"] == "exhausted"
            spans.clear()
            async with client.chat.completions.stream(model="gpt-4o", messages=USER) as helper:
                assert (await helper.get_final_completion()).choices[0].message.content
            assert spans.attributes()["spanwise.stream.end"] == "exhausted"
            spans.clear()
            await client.chat.completions.parse(model="gpt-4o", messages=USER, response_format=Trip)
            assert spans.attributes()["gen_ai.output.type"] == "json"

    asyncio.run(go())


@pytest.mark.parametrize(("status", "error"), [
    (400, "BadRequestError"), (401, "AuthenticationError"), (429, "RateLimitError"), (500, "InternalServerError"),
])  # fmt: skip
def test_a_refusal_is_an_error_of_its_class(spans, provider, openai_client, status, error):
    provider.answer = lambda _: Answer(status=status, error="not today")
    with pytest.raises(getattr(openai, error), match="not today") as raised:
        openai_client.chat.completions.create(model="gpt-4o", messages=USER)
    span = spans.one()
    assert span.attributes["error.type"] == error
    assert span.status.description == str(raised.value)
    assert not span.status.is_ok


def test_retries_are_one_span(spans, provider):
    answers = iter([Answer(status=500), Answer(text="ok")])
    provider.answer = lambda _: next(answers)
    with openai.OpenAI(api_key="k", base_url=provider.openai_url, max_retries=1) as client:
        client.chat.completions.create(model="gpt-4o", messages=USER)
    assert len(provider.requests) == 2
    assert spans.said() == [{"type": "text", "content": "ok"}]


def test_other_requests_of_the_client_are_no_spans(spans, openai_client):
    with pytest.raises(openai.APIStatusError):
        openai_client.models.list()
    with pytest.raises(openai.APIStatusError):
        openai_client.chat.completions.list()
    assert spans.all() == []


def test_what_the_application_changes_later_does_not_change_the_span(spans, openai_client):
    messages = [{"role": "user", "content": "first"}]
    stream = openai_client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
    messages[0]["content"] = "second"
    list(stream)
    assert spans.json("gen_ai.input.messages")[0]["parts"][0]["content"] == "first"


@pytest.mark.parametrize("status", [200, 400])
def test_what_is_changed_while_a_stream_is_asked_for_is_not_in_its_span(spans, provider, openai_client, status):
    messages = [{"role": "user", "content": "first"}]

    def answer(_request):
        messages[0]["content"] = "second"
        return Answer(text="ok", status=status)

    provider.answer = answer
    body = {"model": "gpt-4o", "messages": messages, "stream": True}
    asked = {
        "cast_to": ChatCompletionChunk,
        "body": body,
        "stream": True,
        "stream_cls": openai.Stream[ChatCompletionChunk],
    }
    if status == 200:
        list(openai_client.post("/chat/completions", **asked))
    else:
        with pytest.raises(openai.BadRequestError):
            openai_client.post("/chat/completions", **asked)
    assert spans.json("gen_ai.input.messages")[0]["parts"][0]["content"] == "first"
    assert spans.one().attributes["gen_ai.request.model"] == "gpt-4o"


def test_a_stream_whose_request_was_not_kept_is_read_all_the_same(spans, provider):
    def forget(response):
        del response.request._content

    with (
        httpx.Client(event_hooks={"response": [forget]}) as http,
        openai.OpenAI(api_key="k", base_url=provider.openai_url, http_client=http) as client,
    ):
        list(client.chat.completions.create(model="gpt-4o", messages=USER, stream=True))
    assert spans.json("gen_ai.input.messages")[0]["parts"][0]["content"] == "Where is Lima?"


def test_azure_and_others_go_by_their_own_names(provider, spans):
    from spanwise.providers.openai import _name

    assert _name(None, "x.openai.azure.com") == "azure.ai.openai"
    assert _name(None, "api.deepseek.com") == "deepseek"
    assert _name(None, "llm.example.com") == "openai"
    assert _name(None, None) == "openai"


def test_a_call_costs_no_content_where_content_is_not_wanted(provider: FakeProvider, openai_client):
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    spanwise.init(span_exporter=exporter, capture_content=False)
    provider.answer = lambda _: Answer(text="secret", reasoning="secret", tool_calls=(ToolCall("f", {"a": "secret"}),))
    prompt = spanwise.prompt("p", "secret {{x}}", x="secret")
    try:
        openai_client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": prompt}], tools=TOOLS
        )
        list(openai_client.chat.completions.create(model="gpt-4o", messages=USER, tools=TOOLS, stream=True))
        with spanwise.span("work", input="secret") as span:
            span.set_output("secret")
        spanwise.flush()
    finally:
        spanwise.shutdown()
    for span in exporter.get_finished_spans():
        assert "secret" not in str(dict(span.attributes))
    assert exporter.get_finished_spans()[0].attributes["gen_ai.usage.input_tokens"] > 0
    assert exporter.get_finished_spans()[0].attributes["gen_ai.prompt.name"] == "p"
