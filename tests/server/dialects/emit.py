"""Run in a process of its own: drive a real instrumentation against the fake provider, print what it exports.

``python emit.py MODULE URL`` makes five calls through the openai client and writes the OTLP request to standard output.
"""

from __future__ import annotations

import sys
from importlib import import_module

import openai
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}


def main(module: str, url: str) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    import_module(module).OpenAIInstrumentor().instrument(tracer_provider=provider)
    client = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
    chat = client.chat.completions
    chat.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "plain"}], temperature=0.0)
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "weather"}]
    chat.create(model="gpt-4o-mini", messages=asked, tools=[TOOL])
    told = {"role": "user", "content": "streamed"}
    list(chat.create(model="gpt-4o-mini", messages=[told], stream=True, stream_options={"include_usage": True}))
    client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    try:
        chat.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "fail"}])
    except openai.RateLimitError:
        pass
    provider.shutdown()
    sys.stdout.buffer.write(encode_spans(exporter.get_finished_spans()).SerializeToString())


if __name__ == "__main__":
    main(*sys.argv[1:])
