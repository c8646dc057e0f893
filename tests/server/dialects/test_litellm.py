"""LiteLLM's own tracing says what a call cost and which of its ids nobody gave."""

from __future__ import annotations

import pytest

from emissions import corpus
from spanwise_server.dialects import read
from spanwise_server.record import Scope, Span

CALLS = [record for record in corpus.records("litellm") if record.kind == "llm"]


def said(**attributes):
    names = {"litellm.call_id": "id", **{key.replace("__", "."): value for key, value in attributes.items()}}
    return read(Span("1" * 32, "2" * 16, None, "litellm_request", 0, 1, "ok", None, names, scope=Scope("litellm")))


def test_what_a_call_cost_is_taken_from_litellm():
    answered = [call for call in CALLS if call.span.status != "error"]
    assert answered
    for call in answered:
        assert call.reading.reported_cost_usd == call.span.attributes["gen_ai.cost.total_cost"] > 0


def test_the_id_of_a_call_that_nobody_answered_is_no_answers():
    failed = [call for call in CALLS if call.span.status == "error"]
    assert failed
    assert not [call for call in failed if call.reading.response_id is not None]


def test_whether_it_was_streamed_is_a_truth_value():
    assert {call.reading.params["stream"] for call in CALLS} == {True, False}


@pytest.mark.parametrize(
    "counts", ["{'a': ", "{" * 9_000, "{" + "'a': 1," * 9_000 + "}", "{1: __import__('os')}", "[]", "{}"]
)
def test_counts_that_are_none_are_passed_over(counts):
    reading = said(metadata__usage_object=counts, gen_ai__usage__input_tokens=7)
    assert reading.usage.input_tokens == 7


def test_messages_of_any_shape_are_read():
    odd = '[1, null, {"parts": 3}, {"role": "user", "parts": [{"type": "text", "content": "Hi"}], "tool_calls": [4]}]'
    (*_, last) = said(gen_ai__input__messages=odd).input_messages
    assert last["parts"] == [{"type": "text", "content": "Hi"}]
