"""Raw responses stay lazy: nothing is parsed before the application does, and all is recorded even if it never does."""

from __future__ import annotations

import asyncio

import openai
import pytest
from openai._legacy_response import LegacyAPIResponse

USER = [{"role": "user", "content": "Go on"}]
ASK = {"model": "m", "messages": USER}
TEXT = "You said: Go on. That is all I know."


def test_it_is_parsed_when_the_application_does(spans, openai_client, monkeypatch):
    parsed = []
    original = LegacyAPIResponse.parse
    monkeypatch.setattr(LegacyAPIResponse, "parse", lambda self, **more: parsed.append(1) or original(self, **more))
    raw = openai_client.chat.completions.with_raw_response.create(**ASK)
    assert isinstance(raw, LegacyAPIResponse)
    assert raw.headers["x-request-id"].startswith("req_")
    assert parsed == []
    assert spans.all() == []
    result = raw.parse()
    assert result is raw.parse()
    assert len(parsed) == 2
    assert spans.said()[0]["content"] == TEXT


def test_parsed_at_once_it_is_whole(spans, openai_client):
    assert openai_client.chat.completions.with_raw_response.create(**ASK).parse().choices
    assert spans.said()[0]["content"] == TEXT


def test_never_parsed_it_is_told_all_the_same(spans, openai_client):
    raw = openai_client.chat.completions.with_raw_response.create(**ASK)
    assert b"You said" in raw.http_response.content
    del raw
    assert spans.said()[0]["content"] == TEXT


def test_parsed_into_a_class_of_the_application_it_is_told_all_the_same(spans, openai_client):
    class Mine(openai.BaseModel):
        id: str

    raw = openai_client.chat.completions.with_raw_response.create(**ASK)
    assert isinstance(raw.parse(to=Mine), Mine)
    del raw
    assert spans.said()[0]["content"] == TEXT


def test_it_ends_when_it_arrived_not_when_it_was_parsed(spans, openai_client):
    import time

    raw = openai_client.chat.completions.with_raw_response.create(**ASK)
    arrived = time.time_ns()
    time.sleep(0.02)
    raw.parse()
    assert spans.one().end_time <= arrived


def test_a_raw_stream_is_a_stream(spans, provider, openai_client):
    raw = openai_client.chat.completions.with_raw_response.create(**ASK, stream=True)
    stream = raw.parse()
    assert raw.parse() is stream
    assert isinstance(stream, openai.Stream)
    del raw
    assert len(list(stream)) > 2
    assert "stream_options" not in provider.requests[0].body, "the application may read the bytes themselves"
    assert spans.said()[0]["content"] == TEXT


def test_a_streaming_response_is_read_in_its_block(spans, openai_client):
    with openai_client.chat.completions.with_streaming_response.create(**ASK) as response:
        assert spans.all() == []
        assert response.json()["choices"]
    assert spans.said()[0]["content"] == TEXT


def test_a_streaming_response_that_nobody_reads_ends_with_its_block(spans, openai_client):
    with openai_client.chat.completions.with_streaming_response.create(**ASK):
        pass
    assert "gen_ai.output.messages" not in spans.attributes()


def test_the_bytes_of_a_stream_are_the_applications(spans, openai_client):
    with openai_client.chat.completions.with_streaming_response.create(**ASK, stream=True) as response:
        assert b"data: [DONE]" in b"".join(response.iter_bytes())
    assert spans.one().name == "chat m"


@pytest.mark.parametrize("parse", [True, False])
def test_async_the_same(spans, provider, parse):
    async def go() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url, max_retries=0) as client:
            async with client.chat.completions.with_streaming_response.create(**ASK) as response:
                if parse:
                    assert (await response.parse()).choices
                else:
                    await response.read()
            assert spans.said()[0]["content"] == TEXT
            spans.clear()
            async with client.chat.completions.with_streaming_response.create(**ASK, stream=True) as response:
                async for _ in await response.parse():
                    pass
            assert spans.said()[0]["content"] == TEXT

    asyncio.run(go())
