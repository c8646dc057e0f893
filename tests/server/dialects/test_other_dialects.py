"""OpenInference, OpenLLMetry and our own attributes, and what happens where several speak on one span."""

from __future__ import annotations

import json
import logging

import pytest

from spanwise import vocabulary as v
from spanwise_server.dialects import DIALECTS, read, registered
from spanwise_server.dialects.base import Dialect
from spanwise_server.record import Event, PromptUse, Reading, Scope, Span, Tool, Usage


def span(attributes=None, *, name="s", events=(), scope="") -> Span:
    return Span("a" * 32, "b" * 16, None, name, 1_000, 2_000, attributes=attributes or {}, events=tuple(events),
                scope=Scope(scope))  # fmt: skip


LLM = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.provider": "azure",
    "llm.model_name": "gpt-4o",
    "llm.invocation_parameters": '{"model": "gpt-4o", "temperature": 0}',
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be brief.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "What is this?",
    "llm.input_messages.1.message.contents.1.message_content.type": "image",
    "llm.input_messages.1.message.contents.1.message_content.image.image.url": "data:image/png;base64,AAAA",
    "llm.input_messages.2.message.role": "tool",
    "llm.input_messages.2.message.tool_call_id": "c0",
    "llm.input_messages.2.message.content": "rain",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"closer": true}',
    "llm.tools.0.tool.json_schema": '{"type": "function", "function": {"name": "look", "parameters": {}}}',
    "llm.token_count.prompt": 50,
    "llm.token_count.completion": 0,
    "llm.token_count.total": 50,
    "llm.token_count.prompt_details.cache_read": 40,
    "llm.cost.total": 0.002,
    "llm.cost.prompt": 0.002,
    "llm.finish_reason": "tool_calls",
    "input.value": '{"messages": []}',
    "session.id": "s-1",
    "user.id": "u-1",
    "tag.tags": ["a", "b"],
    "metadata": '{"k": 1}',
}


def test_an_openinference_call_is_read_whole():
    reading = read(span(LLM, events=[Event(2_000_000 + 1_000, "First Token Stream Event")]))
    assert (reading.kind, reading.dialect, reading.provider, reading.model) == (
        "llm", "openinference", "azure.openai", "gpt-4o",
    )  # fmt: skip
    assert reading.params == {"temperature": 0}
    assert reading.input_messages == (
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [
            {"type": "text", "content": "What is this?"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        ]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c0", "response": "rain"}]},
    )  # fmt: skip
    assert reading.output_messages == (
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"closer": True}}]},
    )  # fmt: skip
    assert reading.tool_definitions == ({"type": "function", "name": "look", "parameters": {}},)
    assert reading.usage == Usage(input_uncached=10, cache_read=40, output_visible=0)
    assert (reading.reported_cost_usd, reading.reported_input_cost_usd) == (0.002, 0.002)
    assert reading.ttft_ms == 2.0
    assert reading.finish_reasons == ("tool_calls",)
    assert (reading.session_id, reading.user_id, reading.tags) == ("s-1", "u-1", ("a", "b"))
    assert reading.metadata == {"k": 1}
    assert reading.input is None


def test_openinference_documents_are_read():
    reading = read(span({
        "openinference.span.kind": "RETRIEVER",
        "input.value": "how to return",
        "retrieval.documents.0.document.id": "d0",
        "retrieval.documents.0.document.content": "Within 30 days.",
        "retrieval.documents.0.document.score": 0.0,
        "retrieval.documents.0.document.metadata": '{"source": "faq"}',
        "retrieval.documents.1.document.id": "d1",
    }))  # fmt: skip
    assert reading.kind == "retriever"
    assert reading.input == "how to return"
    assert reading.documents == (
        {"id": "d0", "content": "Within 30 days.", "score": 0.0, "metadata": {"source": "faq"}},
        {"id": "d1"},
    )


def test_an_openinference_tool_is_read():
    attributes = {"openinference.span.kind": "TOOL", "tool.name": "add", "input.value": '{"a": 1}', "output.value": "2"}
    reading = read(span(attributes))
    assert reading.tool == Tool("add", None, {"a": 1}, "2")
    assert (reading.name, reading.input, reading.output) == ("add", {"a": 1}, "2")


def test_vectors_are_not_an_output():
    reading = read(span({
        "openinference.span.kind": "EMBEDDING",
        "embedding.model_name": "text-embedding-3-small",
        "embedding.embeddings.0.embedding.text": "hi",
        "output.value": '{"data": [{"embedding": [0.1]}]}',
    }))  # fmt: skip
    assert (reading.model, reading.input, reading.output) == ("text-embedding-3-small", ["hi"], None)


def test_an_openllmetry_workflow_is_read():
    reading = read(span({
        "traceloop.span.kind": "task",
        "traceloop.workflow.name": "answer",
        "traceloop.entity.name": "find",
        "traceloop.entity.input": '{"args": [], "kwargs": {"q": "x"}}',
        "traceloop.entity.output": '"found"',
        "traceloop.association.properties.session_id": "s-1",
        "traceloop.association.properties.user_id": "u-1",
        "traceloop.association.properties.plan": "pro",
        "traceloop.prompt.key": "answer",
        "traceloop.prompt.version": 3,
        "traceloop.prompt.template_variables": '{"q": "x"}',
    }))  # fmt: skip
    assert (reading.kind, reading.name, reading.trace_name) == ("chain", "find", "answer")
    assert (reading.input, reading.output) == ({"args": [], "kwargs": {"q": "x"}}, "found")
    assert (reading.session_id, reading.user_id, reading.metadata["plan"]) == ("s-1", "u-1", "pro")
    assert reading.prompt == PromptUse("answer", "3", variables={"q": "x"})
    assert reading.dialect == "traceloop"


def test_an_old_openllmetry_call_is_read():
    reading = read(span({
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": '[{"type": "text", "text": "hi"}]',
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "hello",
        "llm.usage.total_tokens": 5,
        "llm.is_streaming": True,
        "llm.request.functions.0.name": "f",
        "llm.request.functions.0.parameters": '{"type": "object"}',
    }, events=[Event(3_001_000, "llm.content.completion.chunk")]))  # fmt: skip
    assert (reading.kind, reading.dialect, reading.provider) == ("llm", "traceloop", "openai")
    assert reading.input_messages == ({"role": "user", "parts": [{"type": "text", "content": "hi"}]},)
    assert reading.output_messages == ({"role": "assistant", "parts": [{"type": "text", "content": "hello"}]},)
    assert reading.usage == Usage(unsplit=5)
    assert reading.params == {"stream": True}
    assert reading.tool_definitions == ({"type": "function", "name": "f", "parameters": {"type": "object"}},)
    assert reading.ttft_ms == 3.0


def test_our_own_attributes_are_read():
    reading = read(span({
        v.KIND: "guardrail",
        v.INPUT: '{"text": "x"}',
        v.OUTPUT: "false",
        v.TAGS: ["a"],
        v.METADATA: '{"k": 0}',
        v.PROMPT_NAME: "support",
        v.PROMPT_VERSION: "7",
        v.PROMPT_HASH: "abc",
        v.PROMPT_TEMPLATE: "{question}",
        v.PROMPT_VARIABLES: '{"question": "why"}',
        v.PARAMS: '{"logit_bias": {}}',
        v.REQUEST_TEMPERATURE: 0.5,
    }))  # fmt: skip
    assert (reading.kind, reading.dialect) == ("guardrail", "spanwise")
    assert (reading.input, reading.output) == ({"text": "x"}, False)
    assert (reading.tags, reading.metadata) == (("a",), {"k": 0})
    assert reading.prompt == PromptUse("support", "7", "abc", "{question}", {"question": "why"})
    assert reading.params == {"logit_bias": {}, "temperature": 0.5}


@pytest.mark.parametrize("value", [3, 0.5, True, "3", "text", "", [], {}, {"a": 0}, [None]])
def test_what_our_sdk_was_given_and_gave_back_is_read_exactly(value):
    sent = json.dumps(value)
    reading = read(span({v.KIND: "chain", v.INPUT: sent, v.OUTPUT: sent}))
    assert (reading.input, reading.output) == (value, value)
    tool = read(span({v.KIND: "tool", v.TOOL_NAME: "f", v.TOOL_CALL_ARGUMENTS: sent, v.TOOL_CALL_RESULT: sent}))
    assert tool.tool == Tool("f", None, value, value)
    assert (tool.name, tool.input, tool.output) == ("f", value, value)


def test_nothing_given_back_is_unsaid():
    assert read(span({v.KIND: "chain", v.OUTPUT: "null"})).output is None


def test_a_kind_nobody_knows_is_a_span():
    assert read(span({v.KIND: "wizard"})).kind == "span"


def test_our_kind_wins_then_openinference_then_the_operation():
    attributes = {"gen_ai.operation.name": "chat", "openinference.span.kind": "RERANKER"}
    assert read(span(attributes)).kind == "reranker"
    assert read(span({**attributes, v.KIND: "guardrail"})).kind == "guardrail"


def test_usage_is_one_unit_of_one_dialect():
    both = {
        "gen_ai.usage.input_tokens": 10,
        "llm.token_count.prompt": 99,
        "llm.token_count.completion": 99,
        "openinference.span.kind": "LLM",
    }
    reading = read(span(both))
    assert reading.usage == Usage(input_uncached=10)
    assert reading.dialect == "openinference"


def test_scope_alone_names_openllmetry():
    attributes = {"gen_ai.request.model": "m"}
    assert read(span(attributes, scope="opentelemetry.instrumentation.openai.v1")).dialect == "traceloop"
    assert read(span(attributes, scope="opentelemetry.instrumentation.openai_v2")).dialect == "gen_ai"


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_keeps_the_contract(name):
    dialect = next(found for found in registered.dialects() if found.name == name)
    assert isinstance(dialect, Dialect)
    draft = registered.Draft(span())
    draft.dialect = name
    dialect.read(draft)
    assert not draft.said


def test_what_a_span_means_does_not_depend_on_when_it_is_read():
    assert read(span(LLM)) == read(span(json.loads(json.dumps(LLM))))


def test_a_dialect_that_fails_costs_only_itself_and_is_logged_once(monkeypatch, caplog):
    def fail(draft):
        raise RuntimeError("our bug")

    known = registered.dialects()
    broken = Dialect("broken", lambda draft: True, fail)
    monkeypatch.setattr(registered, "candidates", lambda heads, scope: (broken, *known))
    monkeypatch.delenv("SPANWISE_STRICT", raising=False)
    with caplog.at_level(logging.ERROR):
        readings = [read(span({"gen_ai.request.model": "m"})) for _ in range(3)]
    assert {reading.model for reading in readings} == {"m"}
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_field_that_there_is_not_costs_only_itself(monkeypatch, caplog):
    """Compiled, a value of another type than its field's is refused as well."""
    known = registered.dialects()
    other = Dialect("other", lambda draft: True, lambda draft: draft.keep("no_such_field", 1, "somewhere"))
    monkeypatch.setattr(registered, "candidates", lambda heads, scope: (other, *known))
    monkeypatch.delenv("SPANWISE_STRICT", raising=False)
    reading = read(span({"gen_ai.request.model": "m"}))
    assert (reading.model, "no_such_field" in reading.mapped_by) == ("m", False)
    assert "dialect other could not read a span" in caplog.text
    monkeypatch.setenv("SPANWISE_STRICT", "1")
    with pytest.raises(TypeError):
        read(span())


def test_an_empty_span_reads_as_nothing():
    assert read(span()) == Reading()


def test_openinference_completions_of_bare_text_are_read():
    reading = read(span({
        "openinference.span.kind": "LLM",
        "llm.prompts.0.prompt.text": "Once upon",
        "llm.choices.0.completion.text": "a time",
    }))  # fmt: skip
    assert reading.input_messages == ({"role": "user", "parts": [{"type": "text", "content": "Once upon"}]},)
    assert reading.output_messages == ({"role": "assistant", "parts": [{"type": "text", "content": "a time"}]},)


def test_openinference_contents_of_every_type_are_read():
    start = "llm.input_messages.0.message"
    inside = f"{start}.contents.{{}}.message_content"
    reading = read(span({
        "openinference.span.kind": "LLM",
        f"{start}.role": "assistant",
        f"{start}.function_call_name": "f",
        f"{start}.function_call_arguments_json": '{"a": 1}',
        f"{inside.format(0)}.type": "reasoning",
        f"{inside.format(0)}.text": "Hm.",
        f"{inside.format(0)}.signature": "sig",
        f"{inside.format(1)}.type": "audio",
        f"{inside.format(1)}.audio.audio.url": "https://x/a.wav",
        f"{inside.format(2)}.type": "hologram",
        f"{inside.format(2)}.depth": 3,
    }))  # fmt: skip
    assert reading.input_messages[0]["parts"] == [
        {"type": "reasoning", "content": "Hm.", "signature": "sig"},
        {"type": "uri", "modality": "audio", "uri": "https://x/a.wav"},
        {"type": "hologram", "depth": 3},
        {"type": "tool_call", "name": "f", "arguments": {"a": 1}},
    ]


def test_a_call_over_mcp_is_a_tool_and_the_rest_is_mcp():
    assert read(span({"mcp.method.name": "tools/call"})).kind == "tool"
    assert read(span({"mcp.method.name": "initialize"})).kind == "mcp"
