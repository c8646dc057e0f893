"""Whatever is in the attributes, a span can be read: nothing raises, and the same span always reads the same."""

from __future__ import annotations

import json

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuzzing import tries
from spanwise import vocabulary
from spanwise_server.dialects import read
from spanwise_server.dialects.preview import LENGTH, preview
from spanwise_server.record import Event, Span, Usage

WORDS = [
    value for name, value in vars(vocabulary).items() if name.isupper() and isinstance(value, str) and "." in value
]
KEYS = st.sampled_from([
    *WORDS,
    *("gen_ai.system", "gen_ai.prompt", "gen_ai.completion", "gen_ai.prompt.0.role", "gen_ai.prompt.0.content"),
    *("gen_ai.prompt.0", "gen_ai.prompt.0.tool_calls.0.name", "gen_ai.prompt.x", "gen_ai.usage.total_tokens"),
    *("openinference.span.kind", "llm.model_name", "llm.input_messages.0.message.role", "llm.tools.0.tool.json_schema"),
    *("llm.input_messages.0", "llm.input_messages.0.message.contents.0.message_content.type", "input.value"),
    *("llm.input_messages.0.message.contents.0.message_content.image.image.url", "output.value", "metadata"),
    *("llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments", "llm.token_count.prompt"),
    *("llm.invocation_parameters", "retrieval.documents.0.document.metadata", "retrieval.documents.0.document.id"),
    *("embedding.embeddings.0.embedding.text", "traceloop.span.kind", "traceloop.entity.input", "llm.cost.total"),
    *("traceloop.prompt.key", "traceloop.prompt.template_variables", "llm.request.functions.0.name", "tag.tags"),
    *("mcp.method.name", "tool_arguments", "llm.usage.prompt_tokens", "tool.name", "exception.type"),
])  # fmt: skip
PART_KEYS = st.sampled_from([
    *("type", "role", "content", "parts", "message", "messages", "contents", "tool_calls", "function", "arguments"),
    *("name", "id", "text", "image_url", "source", "data", "input", "response", "result", "uri", "summary", "thinking"),
    *("inline_data", "function_call", "toolUse", "image", "file", "system", "finish_reason", "tool_call_id", "refusal"),
])  # fmt: skip
PART_TYPES = st.sampled_from(
    ["text", "tool_call", "tool_use", "image", "image_url", "file", "reasoning", "uri", "message"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | PART_TYPES
TREES = st.recursive(
    LEAVES,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(PART_KEYS | st.text(max_size=3), inside, max_size=5),
    max_leaves=25,
)
VALUES = TREES | TREES.map(json.dumps) | TREES.map(lambda tree: json.dumps(tree)[:-1])
ATTRIBUTES = st.dictionaries(KEYS | st.text(max_size=12), VALUES, max_size=12)
EVENT_NAMES = st.sampled_from(
    ["exception", "gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message", "gen_ai.content.prompt",
     "gen_ai.client.inference.operation.details", "First Token Stream Event", "gen_ai.content.completion.chunk"]
)  # fmt: skip
EVENTS = st.lists(st.builds(Event, st.integers(0, 1 << 62), EVENT_NAMES, ATTRIBUTES), max_size=3)


@settings(max_examples=tries(80), deadline=None)
@example({"gen_ai.prompt": {"type": [], "role": None}}, [], {})
@given(ATTRIBUTES, EVENTS, ATTRIBUTES)
def test_any_span_can_be_read(attributes, events, resource):
    before = repr(attributes)
    span = Span("a" * 32, "b" * 16, None, "x", 1, 2, attributes=attributes, resource=resource, events=tuple(events))
    reading = read(span)
    assert repr(reading) == repr(read(span))
    assert repr(attributes) == before
    assert reading.usage is None or isinstance(reading.usage, Usage)
    for messages in (reading.input_messages, reading.output_messages):
        for message in messages or ():
            assert isinstance(message["role"], str)
            assert all(isinstance(part["type"], str) for part in message["parts"])
    for line in preview(reading):
        assert line is None or 0 < len(line) <= LENGTH


def test_deep_json_is_no_trap():
    deep = "[" * 900 + "]" * 900
    nested = json.dumps([{"role": "user", "content": json.loads(deep)}])
    for value in (deep, nested, '{"a":' * 100_000):
        reading = read(Span("a" * 32, "b" * 16, None, "x", 1, 2, attributes={"gen_ai.input.messages": value}))
        preview(reading)
        orjson.dumps(reading)


def test_deep_flattened_keys_are_no_trap():
    key = "llm.input_messages." + "0." * 20_000 + "x"
    attributes = {"openinference.span.kind": "LLM", key: "x"}
    orjson.dumps(read(Span("a" * 32, "b" * 16, None, "x", 1, 2, attributes=attributes)))


def test_an_object_sent_as_a_value_stays_as_it_was_sent():
    sent = {"gen_ai.prompt.0.role": {"type": {}}, "gen_ai.prompt.0.role.more": 1, "gen_ai.prompt.1.content": {"0": {}}}
    before = repr(sent)
    read(Span("a" * 32, "b" * 16, None, "x", 1, 2, attributes=sent))
    assert repr(sent) == before
