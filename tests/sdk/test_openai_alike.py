"""Clients that speak OpenAI's language under their own name, each through the real library."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import fireworks
import groq
import httpx
import pytest
import sambanova
import together

from fake_provider import Answer, ToolCall

USER = [{"role": "user", "content": "Where is Lima?"}]
FULL = Answer(
    text="In Peru.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}, id="call_1"),),
    input_tokens=50, output_tokens=19, cache_read=20, reasoning_tokens=4,
)  # fmt: skip
CLIENTS = {
    "groq": (groq.Groq, groq.AsyncGroq, "groq"),
    "together": (together.Together, together.AsyncTogether, "together_ai"),
    "fireworks": (fireworks.Fireworks, fireworks.AsyncFireworks, "fireworks_ai"),
}
#: Those that speak Anthropic's Messages too, with the path in front of them.
MESSAGES = {
    "fireworks": (fireworks.Fireworks, fireworks.AsyncFireworks, "", "fireworks_ai"),
    "sambanova": (sambanova.SambaNova, sambanova.AsyncSambaNova, "/v1", "sambanova"),
}


def check_full(spans, name: str, *, usage: bool = True) -> None:
    said = spans.attributes()
    assert spans.one().name == "chat m"
    assert said["gen_ai.provider.name"] == CLIENTS[name][2]
    assert said["server.address"] == "127.0.0.1"
    parts = spans.said()
    assert {"type": "text", "content": "In Peru."} in parts
    assert {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Lima"}} in parts
    assert said["gen_ai.response.finish_reasons"] == ("tool_call",)
    if usage:
        assert said["gen_ai.usage.input_tokens"] == 50
        assert said["gen_ai.usage.output_tokens"] == 19
    spans.clear()


@pytest.mark.parametrize("name", CLIENTS)
def test_a_chat_is_told_whole_and_streamed(spans, provider, name):
    provider.answer = lambda _: FULL
    with CLIENTS[name][0](api_key="k", base_url=provider.url, max_retries=0) as client:
        assert client.chat.completions.create(model="m", messages=USER).choices[0].message.content == "In Peru."
        check_full(spans, name)
        assert len(list(client.chat.completions.create(model="m", messages=USER, stream=True))) > 2
        check_full(spans, name, usage=False)
        raw = client.chat.completions.with_raw_response.create(model="m", messages=USER)
        assert raw.parse().choices
        check_full(spans, name)


@pytest.mark.parametrize("name", CLIENTS)
def test_async_the_same(spans, provider, name):
    provider.answer = lambda _: FULL

    async def go() -> None:
        async with CLIENTS[name][1](api_key="k", base_url=provider.url, max_retries=0) as client:
            await client.chat.completions.create(model="m", messages=USER)
            check_full(spans, name)
            async for _ in await client.chat.completions.create(model="m", messages=USER, stream=True):
                pass
            check_full(spans, name, usage=False)

    asyncio.run(go())


@pytest.mark.parametrize("name", CLIENTS)
def test_however_often_the_client_retries_a_refusal_is_one_error(spans, provider, name):
    provider.answer = lambda _: Answer(status=500, error="not today", retry_after_s=0.001)
    client = CLIENTS[name][0](api_key="k", base_url=provider.url, max_retries=1)
    with client, pytest.raises(Exception, match="not today"):
        client.chat.completions.create(model="m", messages=USER)
    assert len(provider.requests) == 2
    assert spans.one().attributes["error.type"] == "InternalServerError"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_stream_that_is_closed_ends_its_span(spans, provider, name):
    provider.answer = lambda _: Answer(text="one two three four five six seven", chunk_delay_s=0.002)
    with CLIENTS[name][0](api_key="k", base_url=provider.url, max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=USER, stream=True)
        next(stream)
        stream.close()
    assert spans.attributes()["spanwise.stream.end"] == "closed"


def to_loopback(provider):
    """A client of HTTP that goes to the test's server whatever address it is given, as a proxy would."""

    def redirect(request: httpx.Request) -> None:
        request.url = httpx.URL(provider.url + request.url.path.removeprefix("/inference"))

    return httpx.Client(event_hooks={"request": [redirect]})


def test_fireworks_at_its_own_address_names_all_of_it_in_each_call(spans, provider):
    with to_loopback(provider) as http, fireworks.Fireworks(api_key="k", max_retries=0, http_client=http) as client:
        client.chat.completions.create(model="m", messages=USER)
        client.messages.create(model="m", messages=USER, max_tokens=9)
    assert [span.name for span in spans.all()] == ["chat m", "chat m"]
    assert {span.attributes["server.address"] for span in spans.all()} == {"api.fireworks.ai"}
    assert all("server.port" not in span.attributes for span in spans.all())


def test_what_fireworks_streams_of_messages_comes_as_one_text(spans, provider):
    provider.answer = lambda _: FULL
    ask = {"model": "m", "messages": USER, "max_tokens": 9, "stream": True}

    async def go() -> str:
        async with fireworks.AsyncFireworks(api_key="k", base_url=provider.url, max_retries=0) as client:
            return await client.messages.create(**ask)

    with fireworks.Fireworks(api_key="k", base_url=provider.url, max_retries=0) as client:
        answer = client.messages.create(**ask)
    assert answer.startswith("event: message_start")
    assert asyncio.run(go()).startswith("event: message_start")
    for span in spans.all():
        (message,) = json.loads(span.attributes["gen_ai.output.messages"])
        assert [part["type"] for part in message["parts"]] == ["reasoning", "text", "tool_call"]
        assert span.attributes["gen_ai.usage.input_tokens"] == 50
    assert len(spans.all()) == 2


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_are_anthropics(spans, provider, name):
    provider.answer = lambda _: FULL
    ask = {"model": "m", "messages": USER, "max_tokens": 9}

    async def go() -> None:
        async with MESSAGES[name][1](api_key="k", base_url=provider.url + MESSAGES[name][2], max_retries=0) as client:
            await client.messages.create(**ask)

    with MESSAGES[name][0](api_key="k", base_url=provider.url + MESSAGES[name][2], max_retries=0) as client:
        client.messages.create(**ask)
    asyncio.run(go())
    for span in spans.all():
        said = span.attributes
        assert (span.name, said["gen_ai.provider.name"]) == ("chat m", MESSAGES[name][3])
        assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (50, 19)
        assert said["gen_ai.response.finish_reasons"] == ("tool_call",)
        assert '{"type":"text","content":"In Peru."}' in said["gen_ai.output.messages"]
        assert '{"type":"reasoning","content":"I think."}' in said["gen_ai.output.messages"]
        assert '"name":"weather","arguments":{"city":"Lima"}' in said["gen_ai.output.messages"]
    assert len(spans.all()) == 2


def test_sambanova_streams_messages_and_counts_their_tokens(spans, provider):
    provider.answer = lambda _: FULL
    with sambanova.SambaNova(api_key="k", base_url=provider.url + "/v1", max_retries=0) as client:
        with client.messages.create(model="m", messages=USER, max_tokens=9, stream=True) as stream:
            assert len(list(stream)) > 2
        assert {"type": "text", "content": "In Peru."} in spans.said()
        assert spans.attributes()["spanwise.stream.end"] == "exhausted"
        assert spans.attributes()["gen_ai.usage.output_tokens"] == 19
        spans.clear()
        client.messages.count_tokens(model="m", messages=USER)
    assert spans.one().name == "count_tokens m"


def test_groq_tells_tokens_and_thoughts_in_fields_of_its_own():
    from groq.types.chat import ChatCompletionChunk

    from spanwise.instrument.generation import Generation
    from spanwise.providers.openai import chunk

    g = Generation(content=True)
    delta = {"index": 0, "delta": {"reasoning": "I think."}, "finish_reason": None}
    usage = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
    head = {"id": "x", "model": "m", "created": 1, "object": "chat.completion.chunk"}
    chunk(g, ChatCompletionChunk.model_validate({**head, "choices": [delta]}))
    chunk(g, ChatCompletionChunk.model_validate({**head, "choices": [], "x_groq": {"id": "r", "usage": usage}}))
    said = g.finished()
    assert said["gen_ai.usage.input_tokens"] == 5
    assert said["gen_ai.usage.output_tokens"] == 6
    assert '{"type":"reasoning","content":"I think."}' in said["gen_ai.output.messages"]


def test_what_together_can_be_asked_beside_chats(spans, provider):
    """Its client has other shapes than OpenAI's for what comes back."""
    with together.Together(api_key="k", base_url=provider.url, max_retries=0) as client:
        client.embeddings.create(model="m", input="Lima")
        client.images.generate(model="m", prompt="Lima")
        client.audio.speech.create(model="m", input="Lima", voice="v")
        provider.rewrite = lambda _, reply: replace(reply, chunks=[b'{"job":{"id":"b-1","status":"VALIDATING"}}'])
        client.batches.create(input_file_id="f", endpoint="/v1/chat/completions")
        provider.rewrite = None
    names = ["embeddings m", "image_generation m", "speech m", "batch"]
    assert sorted(span.name for span in spans.all()) == sorted(names)
    by_name = {span.name: span.attributes for span in spans.all()}
    assert by_name["embeddings m"]["gen_ai.usage.input_tokens"] > 0
    assert by_name["batch"]["spanwise.output"] == '{"id":"b-1","status":"VALIDATING"}'
    assert by_name["speech m"]["gen_ai.output.type"] == "speech"
