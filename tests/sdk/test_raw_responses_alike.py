"""Raw and streaming responses of the other clients that have them are told as OpenAI's are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .clients import ASK, CLIENTS

#: What a call of the Messages API needs, and of Chat Completions.
ASKED = {"messages": {**ASK, "max_tokens": 9}, "completions": ASK}
TEXT = "You said: Go on. That is all I know."
RAW = [name for name in CLIENTS if name.startswith("anthropic")] + [
    "groq", "together", "fireworks", "cerebras", "sambanova",
]  # fmt: skip

pytestmark = [
    pytest.mark.parametrize("name", RAW),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def part_of(client: Any) -> tuple[Any, dict[str, Any]]:
    """Return the resource that is asked, and what it is asked."""
    kind = "messages" if type(client).__module__.startswith("anthropic") else "completions"
    return client.messages if kind == "messages" else client.chat.completions, ASKED[kind]


@pytest.fixture
def resource(name, provider):
    with CLIENTS[name].opened(provider.url) as client:
        yield part_of(client)


def test_it_is_told_when_the_application_parses_it_and_once(resource, spans):
    asks, asked = resource
    raw = asks.with_raw_response.create(**asked)
    assert spans.all() == []
    assert raw.parse() is raw.parse()
    assert spans.said()[0]["content"] == TEXT
    assert spans.attributes()["gen_ai.usage.output_tokens"] > 0


def test_never_parsed_it_is_told_all_the_same(resource, spans):
    asks, asked = resource
    raw = asks.with_raw_response.create(**asked)
    assert b"You said" in raw.http_response.content
    del raw
    assert spans.said()[0]["content"] == TEXT


def test_a_raw_stream_is_told_as_it_is_read(resource, spans):
    asks, asked = resource
    raw = asks.with_raw_response.create(**asked, stream=True)
    stream = raw.parse()
    assert raw.parse() is stream
    assert spans.all() == []
    assert len(list(stream)) > 2
    assert spans.said()[0]["content"] == TEXT
    assert spans.attributes()["spanwise.stream.end"] == "exhausted"


def test_a_streaming_response_is_told_with_its_block_read_or_not(resource, spans):
    asks, asked = resource
    with asks.with_streaming_response.create(**asked) as response:
        assert spans.all() == []
        assert response.json()
    assert spans.said()[0]["content"] == TEXT
    spans.clear()
    with asks.with_streaming_response.create(**asked):
        pass
    assert "gen_ai.output.messages" not in spans.attributes()
    spans.clear()
    with asks.with_streaming_response.create(**asked, stream=True) as response:
        assert b"".join(response.iter_bytes())
    assert spans.one().status.is_unset


def test_async_the_same(name, provider, spans):
    async def go() -> None:
        async with CLIENTS[name].opened_async(provider.url) as client:
            asks, asked = part_of(client)
            async with asks.with_streaming_response.create(**asked) as response:
                assert await response.parse()
            assert spans.said()[0]["content"] == TEXT
            spans.clear()
            async with asks.with_streaming_response.create(**asked, stream=True) as response:
                async for _ in await response.parse():
                    pass
            assert spans.said()[0]["content"] == TEXT
            spans.clear()
            raw = await asks.with_raw_response.create(**asked)
            assert spans.all() == []
            parsed = raw.parse()
            assert await parsed if asyncio.iscoroutine(parsed) else parsed
            assert spans.said()[0]["content"] == TEXT

    asyncio.run(go())
