"""What real instrumentations posted is read as what the provider really answered."""

from __future__ import annotations

import json

import pytest

from emissions import corpus
from emissions.emitter import all_emitters
from emissions.judge import OURS, text_of
from emissions.scenarios import said
from emissions.table import markdown, mistakes, verdicts
from spanwise_server.record import MODEL_KINDS


@pytest.mark.parametrize("name", corpus.names())
def test_all_that_is_emitted_is_read_right(name):
    ours = [
        f"{record.name}: {field} is {verdict}"
        for record, found in verdicts(name)
        for field, verdict in found.items()
        if verdict in OURS
    ]
    assert not ours


@pytest.mark.parametrize("name", corpus.names())
def test_a_mistake_that_an_emitter_is_said_to_make_is_made(name):
    made = {field for _, found in verdicts(name) for field, verdict in found.items() if verdict == "theirs"}
    assert made == {field.rpartition(".")[2] for field in all_emitters()[name].mistakes}


@pytest.mark.parametrize("name", corpus.names())
def test_the_tokens_of_all_traces_are_what_the_provider_counted(name):
    calls = corpus.expected(name)["calls"]
    if {"input_tokens", "output_tokens"} & set(all_emitters()[name].mistakes):
        return  # it counts wrong itself
    told = [record.reading.usage for record, _ in verdicts(name) if record.reading.usage is not None]
    if len(told) >= sum(call["status"] == "ok" for call in calls):
        assert sum(usage.total_tokens or 0 for usage in told) == sum(
            sum(call.get("usage", {}).get(side, 0) for side in ("input_tokens", "output_tokens")) for call in calls
        )


@pytest.mark.parametrize("name", corpus.names())
def test_a_captured_emitter_can_be_captured_again(name):
    assert name in all_emitters()
    assert corpus.expected(name)["packages"]


@pytest.mark.parametrize("name", corpus.names())
def test_a_tool_that_ran_is_read(name):
    for record in corpus.records(name):
        if record.kind == "tool" and record.name == said.TOOL_NAME and said.TOOL_RESULT in text_of(record):
            assert record.reading.tool.arguments in ({"city": "Oslo"}, "Oslo")  # some give the only one alone
            assert record.reading.tool.result in (said.TOOL_RESULT, {"result": said.TOOL_RESULT})  # ADK wraps it
            assert record.reading.output == record.reading.tool.result
            assert record.reading.usage is None


@pytest.mark.parametrize("name", corpus.names())
def test_what_goes_around_calls_counts_nothing_that_they_count(name):
    assert not [r.name for r in corpus.records(name) if r.kind not in MODEL_KINDS and r.reading.reported_cost_usd]


@pytest.mark.parametrize("name", corpus.names())
def test_whose_call_it_was_is_read(name):
    for record in corpus.records(name):
        told = set(map(str, record.span.attributes.values()))
        assert said.SESSION not in told or record.reading.session_id == said.SESSION, record.name
        assert said.USER not in told or record.reading.user_id == said.USER, record.name
        if said.PLAN in told:
            assert said.PLAN in (record.reading.metadata or {}).values(), record.name


def test_requests_of_the_model_context_protocol_are_read():
    found = {record.name: record for record in corpus.records("openllmetry-mcp")}
    assert {name: record.kind for name, record in found.items() if record.kind != "llm"} == {
        "initialize.mcp": "mcp",
        "tools/list.mcp": "mcp",
        "resources/read.mcp": "mcp",
        "get_weather": "tool",
        "fails": "tool",
    }
    assert (found["fails"].span.status, found["fails"].reading.error_type) == ("error", "tool_error")
    assert "no such city" in found["fails"].reading.tool.result


def test_both_ends_of_a_call_of_the_protocol_name_its_tool():
    """As its own library has them from 2.0 on."""
    found = [(record.span.name, record.kind, record.reading.tool) for record in corpus.records("mcp")]
    named = [(name, tool.name) for name, kind, tool in found if kind == "tool"]
    assert sorted(named) == [
        ("MCP send tools/call fails", "fails"),
        ("MCP send tools/call get_weather", "get_weather"),
        ("tools/call fails", "fails"),
        ("tools/call get_weather", "get_weather"),
    ]


def test_the_documentation_shows_what_is_read():
    page = (corpus.CORPUS.parents[3] / "web" / "docs" / "dialects.md").read_text(encoding="utf-8")
    assert markdown() in page
    assert mistakes() in page


def test_nothing_of_the_machine_is_in_the_corpus():
    for name in corpus.names():
        for record in corpus.records(name):
            said = json.dumps([record.span.attributes, record.span.resource, record.span.status_message], default=str)
            assert not any(word in said for word in ("/root/", "/tmp/", "/home/u/")), (name, record.name)
