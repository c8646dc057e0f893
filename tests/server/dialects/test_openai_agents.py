"""OpenAI's agents, whose instrumentations keep a whole answer where parameters belong."""

from __future__ import annotations

from emissions import corpus


def test_what_was_answered_is_no_parameter_of_the_request():
    params = [record.reading.params for record in corpus.records("openinference-openai-agents")]
    assert any(params)
    assert not [
        each for each in params if each and {"id", "created_at", "instructions", "tools", "usage"} & each.keys()
    ]


def test_a_call_that_agents_and_their_client_report_is_one_call():
    once, twice = (corpus.records(f"openinference-openai-agents{more}") for more in ("", "-twice"))
    assert sum(record.kind == "llm" for record in twice) == 2 * sum(record.kind == "llm" for record in once)
