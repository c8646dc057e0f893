"""What Langfuse, LangSmith, MLflow, Vercel, Laminar, ADK, Strands, Mastra, Haystack and Semantic Kernel write."""

from __future__ import annotations

import json

from spanwise_server.dialects import read
from spanwise_server.record import Scope, Span, Tool, Usage

CALL = {"type": "tool_call", "id": "call_1", "name": "get_weather", "arguments": {"city": "Oslo"}}


def span(attributes, *, name="s", scope="") -> Span:
    return Span("a" * 32, "b" * 16, None, name, 1_000, 2_000, attributes=attributes, scope=Scope(scope))


def test_the_inner_span_of_vercel_is_the_call_and_the_outer_a_chain():
    usage = {
        "ai.usage.inputTokens": 900,
        "ai.usage.inputTokenDetails.noCacheTokens": 600,
        "ai.usage.inputTokenDetails.cacheReadTokens": 300,
        "ai.usage.outputTokens": 20,
        "gen_ai.usage.input_tokens": 900,
        "gen_ai.usage.output_tokens": 20,
    }
    outer = read(span({"ai.operationId": "ai.generateText", "ai.telemetry.functionId": "fn", **usage}))
    assert (outer.kind, outer.name, outer.dialect) == ("chain", "fn", "vercel")
    calls = [{"toolCallId": "call_1", "toolName": "get_weather", "input": '{"city": "Oslo"}'}]
    inner = read(span({
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": "openai.responses",
        "ai.model.id": "gpt-4o-mini",
        "ai.prompt.messages": '[{"role":"user","content":[{"type":"text","text":"weather"}]}]',
        "ai.response.toolCalls": json.dumps(calls),
        "ai.response.finishReason": "tool-calls",
        **usage,
    }))  # fmt: skip
    assert (inner.kind, inner.provider, inner.finish_reasons) == ("llm", "openai", ("tool_call",))
    assert inner.usage == Usage(input_uncached=600, cache_read=300, output_visible=20)
    assert inner.input_messages == ({"role": "user", "parts": [{"type": "text", "content": "weather"}]},)
    assert inner.output_messages == ({"role": "assistant", "parts": [CALL], "finish_reason": "tool_call"},)


def test_counts_in_langfuse_are_buckets_or_the_providers_own():
    start = {"langfuse.observation.type": "generation", "langfuse.observation.model.name": "m"}
    buckets = '{"input": 10, "output": 5, "cache_read_input_tokens": 4, "total": 19}'
    own = '{"prompt_tokens": 900, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 300}}'
    readings = [read(span({**start, "langfuse.observation.usage_details": said})) for said in (buckets, own)]
    assert [reading.usage for reading in readings] == [
        Usage(input_uncached=10, cache_read=4, output_visible=5),
        Usage(input_uncached=600, cache_read=300, output_visible=20),
    ]
    assert {reading.dialect for reading in readings} == {"langfuse"}


def test_what_langsmith_calls_a_prompt_is_input_unless_a_model_was_called():
    completion = {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}]}
    usage = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11, "input_token_details": {"cache_read": 3}}
    call = read(span({
        "langsmith.span.kind": "llm",
        "gen_ai.system": "langchain",
        "gen_ai.prompt": '{"messages": [{"role": "user", "content": "Hello."}], "temperature": 0}',
        "gen_ai.completion": json.dumps(completion),
        "langsmith.metadata.usage_metadata": json.dumps(usage),
    }))  # fmt: skip
    assert (call.provider, call.params) == (None, {"temperature": 0})
    assert call.usage == Usage(input_uncached=6, cache_read=3, output_visible=2)
    assert call.output_messages[0]["parts"] == [{"type": "text", "content": "Hi."}]
    chain = read(span({"langsmith.span.kind": "chain", "gen_ai.prompt": '{"q": "x"}', "gen_ai.completion": '{"a": 1}'}))
    assert (chain.kind, chain.input, chain.output) == ("chain", {"q": "x"}, {"a": 1})
    assert (chain.input_messages, chain.output_messages) == (None, None)


def test_values_of_mlflow_are_json_and_the_answer_says_its_usage():
    answer = {
        "model": "claude-sonnet-4-5", "role": "assistant", "stop_reason": "tool_use",
        "content": [{"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Oslo"}}],
        "usage": {"input_tokens": 600, "cache_read_input_tokens": 300, "output_tokens": 20},
    }  # fmt: skip
    reading = read(span({
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.llm.provider": '"anthropic"',
        "mlflow.spanInputs": '{"model": "claude-sonnet-4-5", "system": "Be brief.", "messages": []}',
        "mlflow.spanOutputs": json.dumps(answer),
    }))  # fmt: skip
    assert (reading.kind, reading.provider, reading.request_model) == ("llm", "anthropic", "claude-sonnet-4-5")
    assert reading.usage == Usage(input_uncached=600, cache_read=300, output_visible=20)
    assert reading.output_messages == ({"role": "assistant", "parts": [CALL], "finish_reason": "tool_use"},)


def test_strands_counts_milliseconds_and_its_agents_sum_up_their_lives():
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "strands-agents",
        "gen_ai.server.time_to_first_token": 29,
        "gen_ai.usage.input_tokens": 600,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.total_tokens": 920,
        "gen_ai.usage.cache_read.input_tokens": 300,
    }
    call = read(span(attributes, scope="strands.telemetry.tracer"))
    assert (call.ttft_ms, call.provider, call.dialect) == (29, None, "strands")
    assert call.usage == Usage(input_uncached=600, cache_read=300, output_visible=20)
    agent = {**attributes, "gen_ai.operation.name": "invoke_agent"}
    assert read(span(agent, scope="strands.telemetry.tracer")).usage is None


def test_laminar_says_messages_as_the_provider_takes_them():
    output = [{"role": "assistant", "content": [{"type": "text", "text": "42."}], "stop_reason": "end_turn"}]
    reading = read(span({
        "lmnr.span.type": "LLM",
        "gen_ai.input.messages": '[{"role": "user", "content": "think"}]',
        "gen_ai.output.messages": json.dumps(output),
        "lmnr.association.properties.session_id": "s1",
    }))  # fmt: skip
    assert (reading.kind, reading.session_id, reading.dialect) == ("llm", "s1", "laminar")
    assert reading.output_messages[0]["parts"] == [{"type": "text", "content": "42."}]
    assert reading.finish_reasons == ("end_turn",)


def test_haystack_says_all_of_a_call_in_its_reply():
    meta = {"model": "gpt-4o-mini", "finish_reason": "tool_calls",
            "usage": {"prompt_tokens": 900, "completion_tokens": 20}}  # fmt: skip
    call = {"tool_call": {"tool_name": "get_weather", "arguments": {"city": "Oslo"}, "id": "call_1"}}
    reading = read(span({
        "haystack.agent.step.llm.input": '{"messages": [{"role": "user", "content": [{"text": "weather"}]}]}',
        "haystack.agent.step.llm.output": json.dumps({"replies": [{"role": "assistant", "meta": meta,
                                                                   "content": [call]}]}),
    }, name="haystack.agent.step.llm"))  # fmt: skip
    assert (reading.kind, reading.model, reading.finish_reasons) == ("llm", "gpt-4o-mini", ("tool_call",))
    assert reading.usage == Usage(input_uncached=900, output_visible=20)
    assert reading.output_messages[0]["parts"] == [CALL]


def test_only_the_innermost_span_of_mastra_is_a_call():
    step = read(span({"mastra.span.type": "model_step", "mastra.model_step.input": "[]",
                      "gen_ai.operation.name": "agent_step"}))  # fmt: skip
    call = read(span({
        "mastra.span.type": "model_inference",
        "gen_ai.operation.name": "chat",
        "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":""}]}]',
        "gen_ai.usage.input_tokens": 900,
    }))  # fmt: skip
    assert (step.kind, call.kind, call.output_messages) == ("chain", "llm", None)


def test_the_names_of_python_objects_in_semantic_kernel_are_words():
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.finish_reason": "FinishReason.TOOL_CALLS",
        "error.type": "<class 'semantic_kernel.exceptions.ServiceResponseException'>",
    }
    reading = read(span(attributes, scope="semantic_kernel.utils.telemetry.model_diagnostics.decorators"))
    assert (reading.finish_reasons, reading.error_type) == (("tool_call",), "ServiceResponseException")


def test_the_first_version_of_adk_logs_whole_requests():
    request = {"model": "gemini-2.5-flash", "config": {"system_instruction": "Be brief.", "temperature": 0.0},
               "contents": [{"role": "user", "parts": [{"text": "Hello."}]}]}  # fmt: skip
    answer = {
        "content": {"role": "model", "parts": [{"text": "Hi."}]},
        "finish_reason": "STOP",
        "usage_metadata": {"prompt_token_count": 10, "candidates_token_count": 2, "thoughts_token_count": 3},
    }
    reading = read(span({
        "gen_ai.system": "gcp.vertex.agent",
        "gcp.vertex.agent.llm_request": json.dumps(request),
        "gcp.vertex.agent.llm_response": json.dumps(answer),
    }, name="call_llm", scope="gcp.vertex.agent"))  # fmt: skip
    assert (reading.kind, reading.provider, reading.request_model) == ("llm", None, "gemini-2.5-flash")
    assert [message["role"] for message in reading.input_messages] == ["system", "user"]
    assert reading.usage == Usage(input_uncached=10, output_visible=2, reasoning=3)
    assert reading.finish_reasons == ("stop",)
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather",
            "gcp.vertex.agent.tool_call_args": '{"city": "Oslo"}', "gcp.vertex.agent.tool_response": '{"rain": true}',
            "gcp.vertex.agent.llm_request": "{}"}  # fmt: skip
    found = read(span(tool, name="execute_tool get_weather", scope="gcp.vertex.agent"))
    assert found.tool == Tool("get_weather", None, {"city": "Oslo"}, {"rain": True})


def test_reasoning_and_calls_of_a_response_are_read_though_their_content_is_null():
    items = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "content": None},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "42."}]},
    ]
    start = {"langfuse.observation.type": "generation"}
    thought = read(span({**start, "langfuse.observation.output": json.dumps(items)}))
    assert thought.output_messages == (
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "42."}]},
    )
    call = {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city": "Oslo"}'}
    called = read(span({**start, "langfuse.observation.output": json.dumps(call)}))
    assert called.output_messages[0]["parts"] == [CALL]


def test_schemas_that_vertex_numbers_are_json_schemas():
    nested = {
        "type_": 6, "format_": "", "minimum": 0.0, "enum": [], "required": ["day"], "property_ordering": ["day"],
        "properties": {
            "day": {"type_": 1, "enum": ["today", "tomorrow"], "max_length": "9"},
            "type_": {"any_of": [{"type_": 3}, {"type_": 7}], "nullable": False},
            "odd": {"type_": [1], "items": {"type_": 99}},
        },
    }  # fmt: skip
    function = {"name": "forecast", "parameters": nested}
    request = {"contents": [], "tools": [{"function_declarations": [function, {"name": "now"}]}]}
    said = {"openinference.span.kind": "LLM", "input.value": json.dumps(request)}
    forecast, now = read(span(said, scope="openinference.instrumentation.vertexai")).tool_definitions
    assert (now["name"], now.get("parameters")) == ("now", None)
    assert forecast["parameters"] == {
        "type": "object",
        "required": ["day"],
        "properties": {
            "day": {"type": "string", "enum": ["today", "tomorrow"], "maxLength": 9},
            "type_": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "odd": {"type": [1], "items": {"type": 99}},
        },
    }
