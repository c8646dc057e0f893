"""Google's google-genai client, through the real library."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import pytest
from google import genai
from google.genai import errors, types
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanwise
from fake_provider import Answer, ToolCall

#: Of the client's own making, where aiohttp is installed.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
FULL = Answer(
    text="In Peru.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}, id="call_1"),),
    input_tokens=50, output_tokens=19, cache_read=20, reasoning_tokens=4,
)  # fmt: skip
ASK = {"model": "gemini-test", "contents": "Where is Lima?"}
PICTURE = b"\xfb\xff\xfe picture"


def client_of(provider) -> genai.Client:
    return genai.Client(api_key="k", http_options=types.HttpOptions(base_url=provider.url))


@pytest.fixture
def client(provider):
    with contextlib.closing(client_of(provider)) as made:
        yield made


def check_full(spans, *, stream: bool = False) -> None:
    span = spans.one()
    said = spans.attributes()
    assert span.name == "chat gemini-test"
    assert said["gen_ai.provider.name"] == "gcp.gemini"
    assert said["server.address"] == "127.0.0.1"
    assert said["gen_ai.request.model"] == said["gen_ai.response.model"] == "gemini-test"
    assert said["gen_ai.response.id"].startswith("gen_")
    assert spans.said() == [
        {"type": "reasoning", "content": "I think."},
        {"type": "text", "content": "In Peru."},
        {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Lima"}},
    ]
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["gen_ai.usage.output_tokens"] == 19, "thoughts count as output"
    assert said["gen_ai.usage.cache_read.input_tokens"] == 20
    assert said["gen_ai.usage.reasoning.output_tokens"] == 4
    assert said["gen_ai.response.finish_reasons"] == ("stop",)
    assert said.get("gen_ai.request.stream") is (True if stream else None)
    assert ("gen_ai.response.time_to_first_chunk" in said) is stream
    spans.clear()


def test_contents_whole_and_streamed_tell_the_same(spans, provider, client):
    provider.answer = lambda _: FULL
    answer = client.models.generate_content(**ASK)
    assert isinstance(answer, types.GenerateContentResponse)
    assert answer.function_calls[0].args == {"city": "Lima"}
    check_full(spans)
    chunks = list(client.models.generate_content_stream(**ASK))
    assert "".join(part.text or "" for c in chunks for part in c.candidates[0].content.parts) == "I think.In Peru."
    check_full(spans, stream=True)


def test_async_the_same(spans, provider):
    provider.answer = lambda _: FULL

    async def go() -> None:
        async with client_of(provider).aio as client:
            await client.models.generate_content(**ASK)
            check_full(spans)
            async for _ in await client.models.generate_content_stream(**ASK):
                pass
            check_full(spans, stream=True)

    asyncio.run(go())


def test_the_request_is_told(spans, client):
    client.models.generate_content(
        model="gemini-test",
        contents=[
            types.Content(role="user", parts=[
                types.Part(text="What is it?"), types.Part.from_bytes(data=PICTURE, mime_type="image/png"),
                types.Part.from_uri(file_uri="gs://bucket/a.pdf", mime_type="application/pdf"),
            ]),
            types.Content(role="model", parts=[types.Part.from_function_call(name="look", args={"at": 1})]),
            types.Content(role="user", parts=[types.Part.from_function_response(name="look", response={"saw": "it"})]),
        ],
        config=types.GenerateContentConfig(
            system_instruction="Be brief.", temperature=0.5, top_p=0.9, top_k=7, max_output_tokens=99, seed=3,
            stop_sequences=["END"], response_mime_type="application/json",
            thinking_config=types.ThinkingConfig(thinking_budget=100),
            tools=[types.Tool(function_declarations=[types.FunctionDeclaration(
                name="look", description="Looks.", parameters_json_schema={"type": "object", "properties": {}}
            )])],
        ),
    )  # fmt: skip
    said = spans.attributes()
    assert said["gen_ai.request.temperature"] == 0.5
    assert said["gen_ai.request.top_p"] == 0.9
    assert said["gen_ai.request.top_k"] == 7
    assert said["gen_ai.request.max_tokens"] == 99
    assert said["gen_ai.request.seed"] == 3
    assert said["gen_ai.request.stop_sequences"] == ("END",)
    assert said["gen_ai.output.type"] == "json"
    assert "thinkingConfig" in said["spanwise.request.params"]
    assert spans.json("gen_ai.system_instructions") == [{"type": "text", "content": "Be brief."}]
    asked, called, answered = spans.json("gen_ai.input.messages")
    assert asked["role"] == "user"
    text, picture, document = asked["parts"]
    assert text == {"type": "text", "content": "What is it?"}
    assert (picture["type"], picture["modality"], picture["mime_type"]) == ("blob", "image", "image/png")
    assert base64.b64decode(picture["content"], validate=True) == PICTURE
    assert (document["type"], document["uri"]) == ("uri", "gs://bucket/a.pdf")
    assert called == {"role": "assistant", "parts": [
        {"type": "tool_call", "id": None, "name": "look", "arguments": {"at": 1}}
    ]}  # fmt: skip
    assert answered["role"] == "tool"
    assert answered["parts"][0]["response"] == {"saw": "it"}
    (tool,) = spans.json("gen_ai.tool.definitions")
    assert (tool["name"], tool["parameters"]["type"]) == ("look", "object")


def test_a_chat_makes_a_span_a_turn_with_all_that_was_said_before(spans, client):
    chat = client.chats.create(model="gemini-test")
    chat.send_message("one")
    spans.clear()
    list(chat.send_message_stream("two"))
    assert [message["role"] for message in spans.json("gen_ai.input.messages")] == ["user", "assistant", "user"]


def test_a_function_that_the_client_calls_by_itself_makes_a_span_for_each_call_of_the_model(spans, provider, client):
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"Sun in {city}."

    provider.answer = lambda request: Answer(text="Sunny.") if request.answers_tool else FULL
    config = types.GenerateContentConfig(tools=[weather])
    assert client.models.generate_content(**ASK, config=config).text == "Sunny."
    first, second = spans.all()
    assert "Sun in Lima." in second.attributes["gen_ai.input.messages"]
    assert "weather" in first.attributes["gen_ai.tool.definitions"]


def test_embeddings_are_told_without_their_vectors(spans, client):
    assert len(client.models.embed_content(model="embed-test", contents=["one", "two"]).embeddings) == 2
    said = spans.attributes()
    assert spans.one().name == "embeddings embed-test"
    assert said["gen_ai.operation.name"] == "embeddings"
    assert "one" in said["gen_ai.input.messages"]
    assert "values" not in str(said)


def test_a_refusal_is_the_applications_own_error(spans, provider, client):
    provider.answer = lambda _: Answer(status=429, error="Slow down.")
    for call in (
        lambda: client.models.generate_content(**ASK),
        lambda: list(client.models.generate_content_stream(**ASK)),
    ):
        with pytest.raises(errors.ClientError, match="Slow down"):
            call()
        span = spans.one()
        assert not span.status.is_ok
        assert span.attributes["error.type"] == "ClientError"
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
        stream = client.models.generate_content_stream(**ASK)
        with contextlib.suppress(errors.APIError, Exception):
            finish(stream)
        if end == "closed":
            stream.close()
        del stream
        span = spans.one()
        assert span.attributes["spanwise.stream.end"] == end
        assert span.status.is_ok is ok
        assert "one two three" in span.attributes["gen_ai.output.messages"]
        spans.clear()


def test_what_is_blocked_says_so(spans, provider, client):
    provider.answer = lambda _: Answer(text="", finish_reason="SAFETY")
    client.models.generate_content(**ASK)
    assert spans.attributes()["gen_ai.response.finish_reasons"] == ("content_filter",)


def test_the_application_gets_the_same_with_us_and_without(provider, client):
    provider.answer = lambda _: FULL

    def got():
        whole = client.models.generate_content(**ASK)
        parts = [chunk.model_dump(exclude={"response_id", "sdk_http_response"})
                 for chunk in client.models.generate_content_stream(**ASK)]  # fmt: skip
        return whole.model_dump(exclude={"response_id", "sdk_http_response"}), parts

    without = got()
    spanwise.init(span_exporter=InMemorySpanExporter())
    try:
        assert got() == without
    finally:
        spanwise.shutdown()
