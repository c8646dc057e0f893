"""LlamaIndex's steps are told apart from its calls."""

from __future__ import annotations

from emissions import corpus
from emissions.scenarios import said


def test_a_step_on_the_way_to_a_call_is_none():
    kinds = {record.span.name: record.kind for record in corpus.records("openinference-llama-index")}
    assert kinds["OpenAI._prepare_chat_with_tools"] == "chain"
    assert kinds["OpenAI.astream_chat"] == "llm"


def test_a_tool_is_read_without_its_wrapping():
    (tool,) = [record for record in corpus.records("openinference-llama-index") if record.kind == "tool"]
    assert tool.reading.tool.name == said.TOOL_NAME
    assert tool.reading.tool.arguments == {"city": "Oslo"} == tool.reading.input
    assert tool.reading.tool.result == said.TOOL_RESULT == tool.reading.output
