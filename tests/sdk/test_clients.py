"""What every client has in common: patched whenever it is imported, and told whole, by name, with tokens and words."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from fake_provider import Answer, ToolCall
from spanwise.registry import PROVIDERS

from .apart import APART
from .clients import CLIENTS
from .stream_leaving import left_at_exit

#: What clients warn of by themselves: what they will drop, fields that they were not told of.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)  # fmt: skip
PAGE = Path(__file__).parents[2] / "web/docs/clients.md"
FULL = Answer(
    text="In Peru.", reasoning="I think.", tool_calls=(ToolCall("weather", {"city": "Lima"}, id="call_1"),),
    input_tokens=50, output_tokens=19, cache_read=20, reasoning_tokens=4,
)  # fmt: skip
#: The providers of models; the others are stores.
MODELS = {name for name, path in PROVIDERS.items() if path.startswith("spanwise.providers.")}
NAMES = {
    "openai chat": "openai", "openai responses": "openai", "openai on Azure": "azure.ai.openai",
    "anthropic": "anthropic", "anthropic on Vertex AI": "gcp.vertex_ai",
    "anthropic on Bedrock": "aws.bedrock", "anthropic on Bedrock's Messages API": "aws.bedrock",
    "anthropic on Foundry": "azure.ai.inference", "google-genai": "gcp.gemini",
    "google-genai on Vertex AI": "gcp.vertex_ai", "mistralai": "mistral_ai", "mistralai on Azure": "azure.ai.inference",
    "mistralai on Google Cloud": "gcp.vertex_ai", "cohere": "cohere", "cohere v1": "cohere",
    "bedrock converse": "aws.bedrock", "bedrock invoke": "aws.bedrock", "huggingface": "hugging_face",
    "litellm": "openai", "ollama": "ollama", "groq": "groq", "together": "together_ai", "fireworks": "fireworks_ai",
    "cerebras": "cerebras", "sambanova": "sambanova",
    "sambanova messages": "sambanova",
}  # fmt: skip
#: Clients whose API knows none.
NO_THOUGHTS = {"cohere v1"}
#: Clients whose provider tells no counts in a stream where nobody asks, or not in the way that it is served here.
NO_COUNTS = {"huggingface", "groq", "together", "fireworks", "cerebras", "sambanova"}


@pytest.fixture
def check(spans, provider):
    provider.answer = lambda _: FULL

    def told(name: str, *, stream: bool) -> None:
        said = spans.attributes()
        assert spans.one().name.startswith("chat ")
        assert said["gen_ai.provider.name"] == NAMES[name]
        assert said["server.address"] == "127.0.0.1"
        assert said["spanwise.kind"] == "llm"
        (asked,) = json.loads(said["gen_ai.input.messages"])
        assert asked == {"role": "user", "parts": [{"type": "text", "content": "Go on"}]}
        parts = spans.said()
        assert {"type": "text", "content": "In Peru."} in parts
        assert ({"type": "reasoning", "content": "I think."} in parts) is (name not in NO_THOUGHTS)
        (call,) = [part for part in parts if part["type"] == "tool_call"]
        assert (call["name"], call["arguments"]) == ("weather", {"city": "Lima"})
        assert said["gen_ai.response.finish_reasons"] in (("tool_call",), ("stop",))
        assert ("gen_ai.response.time_to_first_chunk" in said) is stream
        if not stream or name not in NO_COUNTS:
            assert said["gen_ai.usage.input_tokens"] == 50
            assert said["gen_ai.usage.output_tokens"] == 19
        spans.clear()

    return told


@pytest.mark.parametrize("name", CLIENTS)
def test_a_call_is_told_whole_and_streamed(check, provider, name):
    client = CLIENTS[name]
    with client.opened(provider.url) as made:
        client.whole(made)
        check(name, stream=False)
        assert len(list(client.stream(made))) > 2
        check(name, stream=True)


@pytest.mark.parametrize("name", [name for name, client in CLIENTS.items() if client.make_async])
def test_async_the_same(check, provider, name):
    client = CLIENTS[name]

    async def go() -> None:
        async with client.opened_async(provider.url) as made:
            await client.whole_async(made)
            check(name, stream=False)
            async for _ in await client.stream_async(made):
                pass
            check(name, stream=True)

    asyncio.run(go())


def test_each_client_is_patched_when_it_is_imported_after_init():
    told = left_at_exit(tuple(APART)).patched
    assert set(told) == MODELS - set(APART)
    for modules, patched, undo in told.values():
        assert patched == modules
        assert undo > 0


def test_the_page_names_every_provider():
    rows = re.findall(r"^\| `([a-z-]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) == MODELS
