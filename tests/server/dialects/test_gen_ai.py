"""OpenTelemetry's GenAI conventions, newest and older, as real libraries wrote them."""

from __future__ import annotations

import json

import pytest

from spanwise_server.dialects import read
from spanwise_server.record import Event, Reading, Scope, Span, Tool, Usage

ASKED = [{"role": "user", "parts": [{"type": "text", "content": "What is 2+2?"}]}]
ANSWERED = [{"role": "assistant", "parts": [{"type": "text", "content": "4"}], "finish_reason": "stop"}]


def span(attributes=None, *, name="chat gpt-4o", events=(), scope="", **more) -> Span:
    return Span("a" * 32, "b" * 16, None, name, 1_000, 2_000, attributes=attributes or {}, events=tuple(events),
                scope=Scope(scope), **more)  # fmt: skip


def test_the_newest_form_is_read_whole():
    reading = read(span({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.choice.count": 2,
        "gen_ai.input.messages": json.dumps(ASKED),
        "gen_ai.output.messages": json.dumps(ANSWERED),
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
        "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": "add"}]),
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_write.input_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 30,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.conversation.id": "c-1",
        "gen_ai.prompt.name": "sums",
        "gen_ai.prompt.version": "3",
    }))  # fmt: skip

    assert reading.kind == "llm"
    assert reading.dialect == "gen_ai"
    assert (reading.provider, reading.request_model, reading.model) == ("openai", "gpt-4o", "gpt-4o-2024-08-06")
    assert reading.params == {"temperature": 0.0, "max_tokens": 100, "choice_count": 2}
    assert reading.input_messages == (
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        *ASKED,
    )
    assert reading.output_messages == tuple(ANSWERED)
    assert reading.tool_definitions == ({"type": "function", "name": "add"},)
    assert reading.usage == Usage(input_uncached=15, cache_read=100, cache_write=5, output_visible=10, reasoning=30)
    assert reading.usage.input_tokens == 120
    assert reading.usage.output_tokens == 40
    assert reading.ttft_ms == 250
    assert reading.finish_reasons == ("stop",)
    assert reading.session_id == "c-1"
    assert (reading.prompt.name, reading.prompt.version) == ("sums", "3")
    assert reading.mapped_by["model"] == "gen_ai: gen_ai.response.model"
    assert reading.mapped_by["usage"] == "gen_ai: gen_ai.usage.input_tokens"


def test_zero_is_said():
    reading = read(
        span({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 0})
    )
    assert reading.usage == Usage(input_uncached=12, output_visible=0)


def test_a_plain_span_reads_as_nothing():
    assert read(span({"http.route": "/"})) == Reading()


@pytest.mark.parametrize("empty", ["", "{}", "[]", '""', "null", None, [], {}])
def test_empty_is_absent(empty):
    attributes = {"gen_ai.input.messages": empty, "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hi"}
    assert read(span(attributes)).input_messages == ({"role": "user", "parts": [{"type": "text", "content": "hi"}]},)


@pytest.mark.parametrize(
    "shape",
    [json.dumps(ASKED), ASKED, [json.dumps(ASKED[0])]],
    ids=["json", "kvlist", "list of json"],
)
def test_messages_read_the_same_in_every_shape(shape):
    assert read(span({"gen_ai.input.messages": shape})).input_messages == tuple(ASKED)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("chat", "llm"), ("generate_content", "llm"), ("text_completion", "llm"), ("embeddings", "embedding"),
        ("retrieval", "retriever"), ("execute_tool", "tool"), ("invoke_agent", "agent"), ("plan", "agent"),
        ("invoke_workflow", "chain"), ("search_memory", "memory"),
    ],
)  # fmt: skip
def test_the_operation_says_the_kind(operation, kind):
    assert read(span({"gen_ai.operation.name": operation})).kind == kind


def test_an_operation_nobody_knows_is_kept_and_guessed_by_its_model():
    reading = read(span({"gen_ai.operation.name": "ponder", "gen_ai.request.model": "m"}))
    assert (reading.operation, reading.kind) == ("ponder", "llm")


def test_a_tool_span_has_its_name_arguments_and_result():
    reading = read(span({
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_weather",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": '{"city": "Oslo"}',
        "gen_ai.tool.call.result": '"rain"',
    }, name="execute_tool get_weather"))  # fmt: skip
    assert reading.tool == Tool("get_weather", "call_1", {"city": "Oslo"}, "rain")
    assert (reading.name, reading.input, reading.output) == ("get_weather", {"city": "Oslo"}, "rain")


def test_a_tool_span_without_operation_is_known_by_its_tool():
    assert read(span({"gen_ai.tool.name": "f", "tool_arguments": '{"a": 0}'})).tool == Tool("f", None, {"a": 0})


def test_an_agent_is_named_by_its_agent():
    reading = read(span({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}))
    assert (reading.kind, reading.name) == ("agent", "planner")


def test_older_names_are_read():
    reading = read(span({
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4",
        "gen_ai.usage.prompt_tokens": 9,
        "gen_ai.usage.completion_tokens": 3,
        "gen_ai.usage.cache_creation.input_tokens": 2,
        "gen_ai.openai.request.seed": 7,
        "gen_ai.openai.response.service_tier": "flex",
        "gen_ai.openai.request.service_tier": "auto",
    }))  # fmt: skip
    assert reading.provider == "openai"
    assert reading.usage == Usage(input_uncached=7, cache_write=2, output_visible=3)
    assert reading.params == {"seed": 7, "service_tier": "flex"}


def test_one_event_for_each_message_is_read():
    reading = read(span({"gen_ai.system": "openai", "gen_ai.operation.name": "chat"}, events=[
        Event(1, "gen_ai.system.message", {"content": "Be brief."}),
        Event(2, "gen_ai.user.message", {"content": "Weather?"}),
        Event(3, "gen_ai.assistant.message", {"tool_calls": json.dumps(
            [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}])}),
        Event(4, "gen_ai.tool.message", {"id": "c1", "content": "rain"}),
        Event(5, "gen_ai.choice", {"index": 0, "finish_reason": "tool_calls",
                                   "message": '{"role": "assistant", "content": "It rains."}'}),
    ]))  # fmt: skip
    assert [message["role"] for message in reading.input_messages] == ["system", "user", "assistant", "tool"]
    assert reading.input_messages[2]["parts"] == [
        {"id": "c1", "type": "tool_call", "name": "get_weather", "arguments": {"city": "Oslo"}}
    ]
    assert reading.input_messages[3]["parts"] == [{"type": "tool_call_response", "response": "rain", "id": "c1"}]
    assert reading.output_messages[0]["parts"] == [{"type": "text", "content": "It rains."}]
    assert reading.finish_reasons == ("tool_call",)


def test_the_oldest_content_events_are_read():
    reading = read(span(events=[
        Event(1, "gen_ai.content.prompt", {"gen_ai.prompt": '[{"role": "user", "content": "hi"}]'}),
        Event(2, "gen_ai.content.completion", {"gen_ai.completion": '[{"role": "assistant", "content": "hello"}]'}),
    ]))  # fmt: skip
    assert reading.input_messages[0]["parts"][0]["content"] == "hi"
    assert reading.output_messages[0]["parts"][0]["content"] == "hello"


def test_the_details_event_is_read_like_the_span():
    details = {"gen_ai.input.messages": ASKED, "gen_ai.output.messages": json.dumps(ANSWERED)}
    reading = read(span(events=[Event(1, "gen_ai.client.inference.operation.details", details)]))
    assert (reading.input_messages, reading.output_messages) == (tuple(ASKED), tuple(ANSWERED))
    assert reading.mapped_by["input_messages"] == "gen_ai: event gen_ai.input.messages"


def test_indexed_attributes_are_read_in_the_order_of_their_numbers():
    attributes = {f"gen_ai.prompt.{i}.content": f"m{i}" for i in reversed(range(12))}
    attributes |= {f"gen_ai.prompt.{i}.role": "user" for i in range(12)}
    attributes |= {
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.finish_reason": "tool_calls",
        "gen_ai.completion.0.tool_calls.0.id": "c1",
        "gen_ai.completion.0.tool_calls.0.name": "add",
        "gen_ai.completion.0.tool_calls.0.arguments": '{"a": 1}',
    }
    reading = read(span(attributes))
    assert [message["parts"][0]["content"] for message in reading.input_messages] == [f"m{i}" for i in range(12)]
    assert reading.output_messages == (
        {"role": "assistant", "finish_reason": "tool_call",
         "parts": [{"id": "c1", "type": "tool_call", "name": "add", "arguments": {"a": 1}}]},
    )  # fmt: skip
    assert reading.finish_reasons == ("tool_call",)


def test_a_cost_that_was_reported_is_read():
    assert read(span({"gen_ai.usage.cost": 0.0})).reported_cost_usd == 0.0


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [("azure.ai.openai", "azure.openai"), ("vertex_ai", "google.vertex"), ("gcp.gemini", "google"), ("xai", "xai"),
     ("Anthropic", "anthropic"), ("mistral_ai", "mistral"), ("aws", "aws.bedrock"), ("groq", "groq")],
)  # fmt: skip
def test_a_provider_has_one_spelling(sent, read_as):
    assert read(span({"gen_ai.system": sent})).provider == read_as


def test_a_cache_larger_than_the_input_was_never_part_of_it():
    reading = read(span({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 1_000}))
    assert reading.usage == Usage(input_uncached=10, cache_read=1_000)


def test_output_is_what_the_total_leaves():
    assert read(span({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.total_tokens": 15})).usage == Usage(
        input_uncached=10, output_visible=5
    )


def test_a_bare_total_stays_a_total():
    assert read(span({"gen_ai.usage.total_tokens": 15})).usage == Usage(unsplit=15)


def test_the_last_exception_says_the_error():
    events = [
        Event(1, "exception", {"exception.type": "TimeoutError", "exception.message": "first"}),
        Event(2, "exception", {"exception.type": "RateLimitError", "exception.message": "slow down"}),
    ]
    reading = read(span(events=events, status="error"))
    assert (reading.error_type, reading.status_message) == ("RateLimitError", "slow down")


def test_an_exception_that_was_handled_is_no_error():
    events = [Event(1, "exception", {"exception.type": "TimeoutError"})]
    assert read(span(events=events, status="ok")).error_type is None


def test_where_it_ran_comes_from_the_span_then_from_the_resource():
    resource = {"service.name": "shop", "service.version": "1.2", "deployment.environment.name": "prod"}
    reading = read(span({"deployment.environment.name": "staging"}, resource=resource))
    assert (reading.service, reading.release, reading.environment) == ("shop", "1.2", "staging")
    assert reading.mapped_by["service"] == "otel: resource service.name"


@pytest.mark.parametrize(
    ("said", "reason"), [("COMPLETE", "stop"), ("STOP_SEQUENCE", "stop"), ("TOOL_CALL", "tool_call")]
)
def test_coheres_reasons_for_an_end_are_read_in_todays_words(said, reason):
    assert read(span({"gen_ai.response.finish_reasons": [said]})).finish_reasons == (reason,)
