"""Logfire announces a span before it ends; the announcement is no call."""

from __future__ import annotations

from spanwise_server.dialects import read
from spanwise_server.record import Scope, Span

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 10_013,
    "gen_ai.usage.output_tokens": 1_117,
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hello."}]}]',
    "request_data": '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello."}]}',
}


def reading(span_type):
    said = {**CALL, "logfire.span_type": span_type, "logfire.msg": "Chat Completion"}
    return read(Span("a" * 32, "b" * 16, None, "s", 1_000, 1_000, attributes=said, scope=Scope("logfire.openai")))


def test_an_announced_span_is_no_call_and_says_nothing_that_the_span_itself_will_say():
    announced = reading("pending_span")
    assert (announced.kind, announced.name, announced.dialect) == ("span", "Chat Completion", "logfire")
    assert announced.usage is None
    assert announced.input_messages is None
    assert announced.output_messages is None


def test_the_span_itself_is_the_call():
    real = reading("span")
    assert real.kind == "llm"
    assert real.usage.total_tokens == 11_130
    assert real.input_messages is not None
