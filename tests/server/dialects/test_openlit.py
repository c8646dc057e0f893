"""What OpenLIT makes up is not taken for said."""

from __future__ import annotations

import pytest

from emissions import corpus

EMITTERS = ("openlit-openai", "openlit-anthropic")


@pytest.mark.parametrize("name", EMITTERS)
def test_a_price_it_does_not_know_is_not_a_cost_of_nothing(name):
    records = corpus.records(name)
    assert any(record.span.attributes.get("gen_ai.usage.cost") == 0 for record in records)
    assert not [record.name for record in records if record.reading.reported_cost_usd is not None]


def test_a_limit_that_nobody_set_is_no_limit():
    records = corpus.records("openlit-openai")
    assert any(record.span.attributes.get("gen_ai.request.max_tokens") == -1 for record in records)
    assert {(record.reading.params or {}).get("max_tokens") for record in records} == {None, 345}


@pytest.mark.parametrize("name", EMITTERS)
def test_the_time_to_a_whole_answer_is_not_the_time_to_its_first_chunk(name):
    for record in corpus.records(name):
        if record.reading.ttft_ms is not None:
            assert record.reading.params["stream"] is True


@pytest.mark.parametrize("name", EMITTERS)
def test_a_tool_that_an_answer_calls_has_not_run_in_the_call(name):
    assert not [record.name for record in corpus.records(name) if record.reading.tool is not None]


def test_a_failed_call_is_known_by_the_name_of_its_span():
    (failed,) = [record for record in corpus.records("openlit-anthropic") if record.span.status == "error"]
    assert (failed.kind, failed.reading.provider, failed.reading.model) == ("llm", "anthropic", "claude-sonnet-4-5")
