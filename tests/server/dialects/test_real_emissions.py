"""Real instrumentations of other makers, real openai client, real bytes: the record equals what was answered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from fake_provider import Answer, FakeProvider, Request, ToolCall
from spanwise_server.dialects.preview import preview
from spanwise_server.ingest.otlp import decode
from spanwise_server.ingest.pipeline import Pipeline
from spanwise_server.pricing.price import Prices
from spanwise_server.record import Record, Usage

#: Dialect -> the module of a package that speaks it, and what switches the capture of content on.
EMITTERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "openinference": ("openinference.instrumentation.openai", {}),
    "traceloop": ("opentelemetry.instrumentation.openai", {}),
    "gen_ai": (
        "opentelemetry.instrumentation.genai.openai",
        {
            "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        },
    ),
}


def answer(request: Request) -> Answer:
    """Say the same to the same question, with counts that no estimate would give."""
    if request.api == "embeddings":
        return Answer(input_tokens=7)
    question = request.body["messages"][-1]["content"]
    if question == "weather":
        return Answer(
            tool_calls=(ToolCall("get_weather", {"city": "Oslo"}, "call_1"),), input_tokens=900, output_tokens=20,
            cache_read=300,
        )  # fmt: skip
    if question == "fail":
        return Answer(status=429, error="Slow down.")
    return Answer(f"You said {question}.", input_tokens=120, output_tokens=45, reasoning_tokens=0)


@pytest.fixture(scope="module", params=EMITTERS)
def emitted(request: pytest.FixtureRequest) -> tuple[str, list[Record]]:
    """The dialect, and the five records in the order of the calls."""
    module, switches = EMITTERS[request.param]
    assert find_spec(module.rpartition(".")[0]), f"{module} is in the dev group: make test installs it"
    with FakeProvider(answer) as provider:
        ran = subprocess.run(
            [sys.executable, Path(__file__).with_name("emit.py"), module, provider.openai_url],
            env={**os.environ, **switches}, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()
    batch = decode(ran.stdout, "protobuf")
    assert batch.refused == 0
    records = Pipeline(Prices()).records(batch.spans)
    assert len(records) == 5
    return request.param, sorted(records, key=lambda record: record.span.start_ns)


def test_a_plain_call(emitted):
    dialect, (record, *_) = emitted
    reading = record.reading
    assert reading.dialect == dialect
    assert (record.kind, reading.provider, reading.request_model, reading.model) == (
        "llm", "openai", "gpt-4o-mini", "gpt-4o-mini",
    )  # fmt: skip
    assert preview(reading) == ("plain", "You said plain.")
    assert reading.params["temperature"] == 0.0
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (120, 45)
    assert reading.finish_reasons == ("stop",)
    # 120 tokens at $0.15 and 45 at $0.60 per million
    assert (record.cost.input_nusd, record.cost.output_nusd, record.cost.total_nusd) == (18_000, 27_000, 45_000)


def test_a_call_of_a_tool(emitted):
    dialect, (_, record, *_) = emitted
    reading = record.reading
    assert reading.input_messages == (
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "weather"}]},
    )
    (message,) = reading.output_messages
    (call,) = [part for part in message["parts"] if part["type"] == "tool_call"]
    assert call == {"type": "tool_call", "id": "call_1", "name": "get_weather", "arguments": {"city": "Oslo"}}
    assert reading.tool_definitions[0]["name"] == "get_weather"
    assert reading.usage.input_tokens == 900
    if dialect != "gen_ai":  # which does not write what was cached
        assert (reading.usage.cache_read, reading.usage.input_uncached) == (300, 600)
        assert record.cost.input_nusd == 600 * 150 + 300 * 75


def test_a_streamed_call(emitted):
    _, (_, _, record, *_) = emitted
    reading = record.reading
    assert preview(reading) == ("streamed", "You said streamed.")
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (120, 45)
    assert 0 < reading.ttft_ms <= record.duration_ms


def test_an_embedding(emitted):
    _, (_, _, _, record, _) = emitted
    assert (record.kind, record.reading.model) == ("embedding", "text-embedding-3-small")
    assert record.reading.usage.input_tokens == 7
    assert record.cost.total_nusd == 7 * 20
    assert record.reading.output is None


def test_a_call_that_failed(emitted):
    _, (*_, record) = emitted
    assert record.span.status == "error"
    assert "RateLimitError" in record.reading.error_type
    assert record.reading.usage in (None, Usage(input_uncached=0, output_visible=0))
    assert not record.unpriced
