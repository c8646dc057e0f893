"""What the fake provider does not say: items of tools that OpenAI runs, failed responses, rare shapes."""

from __future__ import annotations

import json

from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from spanwise.instrument.generation import Generation
from spanwise.providers import content, openai, openai_embeddings, openai_responses


def response_of(**said) -> Response:
    body = {"id": "resp_1", "object": "response", "model": "gpt-5", "output": [], "status": "completed", **said}
    return Response.construct(**body)


def read(**said) -> tuple[Generation, dict]:
    g = Generation(content=True)
    openai_responses.response(g, response_of(**said))
    return g, g.finished()


def test_tools_that_openai_runs_and_tools_of_ones_own_making_are_told():
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    custom = {"type": "custom_tool_call", "id": "ct_1", "call_id": "c1", "name": "sql", "input": "SELECT 1"}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "content": None}
    _, said = read(output=[search, custom, thought])
    (message,) = json.loads(said["gen_ai.output.messages"])
    assert message["parts"][0]["name"] == "web_search_call"
    assert message["parts"][0]["server_tool_call"]["action"]["query"] == "q"
    assert message["parts"][1] == {"type": "tool_call", "id": "c1", "name": "sql", "arguments": "SELECT 1"}
    assert len(message["parts"]) == 2
    assert said["gen_ai.response.finish_reasons"] == ("tool_call",)


def test_a_failed_response_is_a_failure():
    g, said = read(status="failed", error={"code": "server_error", "message": "Try later."})
    assert g.failure == ("server_error", "Try later.")
    assert said["gen_ai.response.finish_reasons"] == ("error",)


def test_a_response_that_was_filtered_says_why():
    _, said = read(status="incomplete", incomplete_details={"reason": "content_filter"})
    assert said["gen_ai.response.finish_reasons"] == ("content_filter",)


def test_a_response_that_is_still_running_has_no_finish_reason():
    _, said = read(status="queued")
    assert "gen_ai.response.finish_reasons" not in said


def test_audio_tokens_and_custom_tools_of_chat_are_told():
    g = Generation(content=True)
    call = {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    usage = {
        "prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11,
        "prompt_tokens_details": {"audio_tokens": 2, "cached_tokens": 0},
        "completion_tokens_details": {"audio_tokens": 3},
    }  # fmt: skip
    openai.response(
        g,
        ChatCompletion.construct(
            id="x", model="m", choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}], usage=usage
        ),
    )
    said = g.finished()
    assert said["gen_ai.usage.audio.input_tokens"] == 2
    assert said["gen_ai.usage.audio.output_tokens"] == 3
    assert said["gen_ai.usage.cache_read.input_tokens"] == 0, "0 is said"
    assert '"name":"sql","arguments":"SELECT 1"' in said["gen_ai.output.messages"]


def test_reasoning_that_the_application_sends_back_is_told():
    g = Generation(content=True)
    turn = {"role": "assistant", "content": "4", "reasoning_content": "2 and 2", "tool_calls": None}
    openai.request(
        g,
        {
            "model": "m",
            "messages": [
                turn,
                {"role": "tool", "tool_call_id": "c", "content": "x"},
            ],
        },
    )
    told = json.loads(g.finished()["gen_ai.input.messages"])
    assert [part["type"] for part in told[0]["parts"]] == ["reasoning", "text"]
    assert told[1]["parts"][0]["response"] == "x"


def test_embeddings_without_usage_or_vectors_are_told():
    g = Generation(content=True)
    openai_embeddings.request(g, {"model": "m", "input": [[1, 2], [3]]})
    openai_embeddings.response(g, CreateEmbeddingResponse.construct(model="m", data=[], usage=None))
    assert g.finished()["spanwise.input"] == "[[1,2],[3]]"
    assert "gen_ai.usage.input_tokens" not in g.finished()


def test_model_objects_and_odd_tools_are_read():
    message = ChatCompletion.construct(id="x")
    assert content.plain(message) == {"id": "x"}
    assert content.plain("text") == "text"
    assert content.functions(["odd", {"type": "web_search"}]) == [{"type": "web_search"}]
    assert content.functions(None) == []
