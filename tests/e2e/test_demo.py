"""The demo from end to end: the real command, server, SDK and clients."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections import Counter

import pytest

from server_process import ServerProcess, clean_environment

pytestmark = pytest.mark.e2e
SESSIONS = 150


@pytest.fixture(scope="module")
def server(shop_demo, tmp_path_factory):
    data = tmp_path_factory.mktemp("demo") / "data"
    shutil.copytree(shop_demo.data, data)
    with ServerProcess(data) as running:
        yield running


@pytest.fixture(scope="module")
def traces(server):
    return server.every("/api/v1/traces?project=acme-support")


@pytest.fixture(scope="module")
def spans(server):
    return server.every("/api/v1/spans?project=acme-support")


def test_it_says_where_to_look_and_that_all_is_in(shop_demo) -> None:
    assert shop_demo.code == 0, shop_demo.err
    assert "/traces?project=acme-support" in shop_demo.out
    assert "All is in" in shop_demo.out
    assert not shop_demo.err


def test_there_are_a_few_hundred_traces_over_the_last_days(traces) -> None:
    assert 250 < len(traces) < 600
    assert len({trace["start_time"][:10] for trace in traces}) >= 7
    assert len({trace["session_id"] for trace in traces}) >= SESSIONS
    assert len({trace["user_id"] for trace in traces}) > 20
    assert {trace["environment"] for trace in traces} == {"prod", "staging", "dev"}
    assert all(trace["has_root"] for trace in traces)


def test_every_kind_and_model_is_there(spans) -> None:
    kinds = Counter(span["kind"] for span in spans)
    expected = {"llm", "embedding", "retriever", "reranker", "tool", "agent", "chain", "guardrail", "evaluator"}
    assert set(kinds) == expected
    models = {span["request_model"] for span in spans if span["kind"] in ("llm", "embedding")}
    assert models >= {"gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "claude-haiku-4-5", "text-embedding-3-small"}


def test_what_is_priced_has_a_cost_and_the_local_model_is_unpriced(spans) -> None:
    calls = [span for span in spans if span["kind"] in ("llm", "embedding") and span["status"] != "error"]
    unpriced = {span["request_model"] for span in calls if span["cost"] is None}
    assert unpriced == {"qwen2.5-7b-instruct"}
    assert all(span["usage"]["input_tokens"] > 0 for span in calls)


def test_some_calls_fail_in_several_ways_and_some_are_slow(traces, spans) -> None:
    errors = Counter(span["error_type"] for span in spans if span["status"] == "error")
    assert {"RateLimitError", "APITimeoutError", "ValueError", "PaymentsError"} <= set(errors)
    took = sorted(trace["duration_ms"] for trace in traces)
    assert took[-1] > 4_000
    assert took[len(took) // 2] < took[-1] / 2


def test_prompts_came_in_several_versions(traces) -> None:
    used = {prompt for trace in traces for prompt in trace["prompts"]}
    assert {"support@5", "support@6", "support@7", "refund@2", "refund@3", "intent@4", "judge@2", "email@1"} <= used


def test_customers_pressed_both_thumbs(traces) -> None:
    labels = Counter(
        judged["label"] for trace in traces for judged in trace["annotations"] if judged["name"] == "thumbs"
    )
    assert labels["up"] > 5
    assert labels["down"] > 5


def test_a_refund_reads_as_a_conversation_with_tools(server, spans) -> None:
    refund = next(span for span in spans if span["name"] == "create_refund" and span["status"] != "error")
    found = server.get(f"/api/v1/traces/{refund['trace_id']}?project=acme-support")["spans"]
    by_id = {span["span_id"]: span for span in found}
    assert by_id[refund["parent_span_id"]]["name"] == "settle_refund"
    assert refund["tool"]["name"] == "create_refund"
    assert refund["tool"]["arguments"]["order"]
    last = [span for span in found if span["request_model"] == "claude-sonnet-4-5"][-1]
    assert last["provider"] == "anthropic"
    assert last["prompt"]["name"] == "refund"
    assert last["prompt"]["variables"]["shop"] == "Norhaven"
    parts = [part["type"] for message in last["input_messages"] for part in message["parts"]]
    assert "tool_call" in parts
    assert "tool_call_response" in parts
    assert last["ttft_ms"] > 50
    assert "refund" in last["output_messages"][-1]["parts"][-1]["content"].lower()


def test_retrieval_finds_what_was_asked_for(spans) -> None:
    found = next(
        span
        for span in spans
        if span["kind"] == "retriever" and "merino base layer at 40" in str(span["input"]) + str(span["attributes"])
    )
    assert found["documents"][0]["id"] == "care.md#merino"


def test_failures_in_the_bot_are_the_planned_ones(spans) -> None:
    """Anything else would be a bug of the example, the SDK or the fake provider."""
    planned = {"RateLimitError", "APITimeoutError", "ValueError", "PaymentsError", "OverloadedError"}
    found = {span["error_type"] for span in spans if span["status"] == "error"}
    assert found <= planned


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_an_end_in_the_midst_of_sending_leaves_nothing_behind(how, tmp_path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "spanwise_server", "demo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environment(TMPDIR=str(tmp_path)),
    )
    assert demo.stdout is not None
    assert demo.stdout.readline().startswith("Spanwise is listening on")
    assert str(tmp_path) in demo.stdout.readline()
    assert "example app" in demo.stdout.readline()
    demo.send_signal(how)
    said, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
