"""Tokens that no provider reported are counted from what was said, and say so."""

from __future__ import annotations

import json
import sys

import openai
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanwise
from fake_provider import Answer
from spanwise import estimate
from spanwise.estimate import LONGEST_COUNTED, tokenizer, with_estimates

USER = [{"role": "user", "content": "Where is Lima?"}]


def span_of(**attributes) -> ReadableSpan:
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return ReadableSpan("chat", attributes={"spanwise.kind": "llm", "gen_ai.operation.name": "chat", **named})


def said(*parts) -> str:
    return json.dumps([{"role": "assistant", "parts": list(parts)}])


@pytest.fixture
def by_length(monkeypatch):
    monkeypatch.setitem(sys.modules, "splintr", None)
    for kept in (tokenizer, estimate._encoder):
        kept.cache_clear()
    yield
    for kept in (tokenizer, estimate._encoder):
        kept.cache_clear()


def test_a_stream_left_early_is_counted_by_the_tokenizer_of_its_model(spans, provider, openai_client):
    provider.answer = lambda _request: Answer(text="one two three four five six")
    stream = openai_client.chat.completions.create(model="gpt-4o", messages=USER, stream=True)
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stream.close()
    attributes = spans.attributes()
    heard = spans.said()[0]["content"]
    name, count = tokenizer("gpt-4o")
    assert attributes["spanwise.usage.estimated_by"] == name == "o200k_base"
    assert attributes["gen_ai.usage.output_tokens"] == count(heard) > 0
    assert attributes["gen_ai.usage.input_tokens"] == count("Where is Lima?") + 6


def test_what_the_provider_reported_is_left_alone(spans, openai_client):
    openai_client.chat.completions.create(model="gpt-4o", messages=USER)
    assert "spanwise.usage.estimated_by" not in spans.attributes()


def test_of_a_broken_anthropic_stream_the_input_is_reported_and_the_output_counted(spans, anthropic_client, provider):
    provider.answer = lambda _request: Answer(text="word " * 40, input_tokens=77)
    stream = anthropic_client.messages.create(model="claude-test", max_tokens=99, messages=USER, stream=True)
    for event in stream:
        if event.type == "content_block_delta":
            break
    stream.close()
    attributes = spans.attributes()
    _, count = tokenizer("claude-test")
    assert attributes["gen_ai.usage.input_tokens"] == 77
    assert attributes["gen_ai.usage.output_tokens"] == count(spans.said()[0]["content"])
    assert attributes["spanwise.usage.estimated_by"] == "o200k_base", "its maker publishes none"


def test_hidden_content_is_counted_before_it_is_taken_out(openai_client, spans):
    with spanwise.context(capture_content=False):
        stream = openai_client.chat.completions.create(model="gpt-4o", messages=USER, stream=True)
        next(stream)
        next(stream)
        stream.close()
    attributes = spans.attributes()
    assert "gen_ai.input.messages" not in attributes
    assert attributes["gen_ai.usage.input_tokens"] > 6


def test_nothing_is_counted_where_content_is_not_kept_at_all_or_where_nobody_wants_it(openai_client):
    for setting in ({"capture_content": False}, {"estimate_tokens": False}):
        exporter = InMemorySpanExporter()
        spanwise.init(span_exporter=exporter, **setting)
        try:
            stream = openai_client.chat.completions.create(model="gpt-4o", messages=USER, stream=True)
            next(stream)
            stream.close()
            assert spanwise.flush()
        finally:
            spanwise.shutdown()
        (span,) = exporter.get_finished_spans()
        assert not [name for name in span.attributes if "usage" in name], setting


def test_a_refused_call_is_not_counted(spans, provider, openai_client):
    provider.answer = lambda _request: Answer(status=400)
    with pytest.raises(openai.BadRequestError):
        openai_client.chat.completions.create(model="gpt-4o", messages=USER, stream=True)
    assert not [name for name in spans.attributes() if "usage" in name]


def test_without_a_tokenizer_the_length_counts(by_length):
    found = with_estimates(span_of(gen_ai__output__messages=said({"type": "text", "content": "twelve bytes"})))
    assert found.attributes["spanwise.usage.estimated_by"] == "length"
    assert found.attributes["gen_ai.usage.output_tokens"] == 3
    assert "gen_ai.usage.input_tokens" not in found.attributes, "nothing is known of what was asked"


def test_all_that_the_model_reads_and_writes_is_counted_and_no_picture():
    call = {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Lima", "days": 3}}
    asked = [{"role": "user", "parts": [{"type": "text", "content": "Look"}, {"type": "blob", "content": "A" * 9_000}]}]
    tools = [{"type": "function", "name": "weather", "description": "Tells it"}]
    found = with_estimates(
        span_of(
            gen_ai__input__messages=json.dumps(asked),
            gen_ai__tool__definitions=json.dumps(tools),
            gen_ai__output__messages=said(call),
        )
    )
    _, count = tokenizer("")
    assert found.attributes["gen_ai.usage.output_tokens"] == sum(map(count, ("weather", "Lima", "3")))
    assert found.attributes["gen_ai.usage.input_tokens"] == 3 + 3 + count("Look") + 3 + count("weather") + count(
        "Tells it"
    )


def test_long_and_broken_texts_are_counted_too():
    _, count = tokenizer("gpt-4o")
    text = "word " * (LONGEST_COUNTED // 5)
    assert count(text * 3) == pytest.approx(3 * count(text), rel=0.001)
    assert count("half a \ud83d pair") > 0


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("claude-test", "o200k_base"),
        ("gemini-2.5-pro", "gemma3"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama3"),
        ("mistral-large-latest", "mistral_v3"),
        ("deepseek-chat", "deepseek_v3"),
        ("Qwen/Qwen3-32B", "qwen3"),
        ("moonshot-v1-8k", "kimi_k2"),
        ("glm-4.6", "glm4"),
        ("", "o200k_base"),
    ],
)
def test_a_model_is_counted_by_the_vocabulary_of_its_family(model, name):
    found, count = tokenizer(model)
    assert found == name
    assert count("the quick brown fox jumps over the lazy dog") in (9, 10)
