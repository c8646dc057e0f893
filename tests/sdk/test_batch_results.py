"""Answers in batches: a call each, told when the application fetches it, once, and as it is read."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import anthropic
import cohere
import fireworks
import groq
import openai
import pytest
import together
from anthropic._decoders.jsonl import JSONLDecoder
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

import spanwise
from fake_provider import Answer
from spanwise.instrument import batch_result

from .clients import CLIENTS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::UserWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
SPOKEN = Answer(text="Lima.", model="m-1", input_tokens=50, output_tokens=7)


@pytest.fixture(autouse=True)
def _afresh(provider, monkeypatch):
    """A provider that answers, and a program that has told of no result yet."""
    provider.answer = lambda _: SPOKEN
    monkeypatch.setattr(batch_result, "_TOLD", {})


def results(spans):
    """The spans of results by what they are called in their batch."""
    return {
        span.attributes["spanwise.batch.key"]: span for span in spans.all() if "spanwise.batch.key" in span.attributes
    }


def check_answer(span, provider, batch="batch_1"):
    said = span.attributes
    assert (said["spanwise.kind"], said["gen_ai.operation.name"]) == ("llm", "chat")
    assert said["gen_ai.provider.name"] == provider
    assert said.get("spanwise.batch.id") == batch
    assert said["gen_ai.response.service_tier"] == "batch"
    assert "openai.response.service_tier" not in said
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (50, 7)
    (message,) = json.loads(said["gen_ai.output.messages"])
    assert message["parts"] == [{"type": "text", "content": "Lima."}]
    assert span.parent is None


def check_failure(span):
    assert span.attributes["error.type"] in ("bad", "3")
    assert span.status.description == "too long"
    assert "gen_ai.usage.input_tokens" not in span.attributes


def openai_like(kind, url, path=""):
    return kind(api_key="k", base_url=url + path, max_retries=0)


FILES = {
    "openai": (openai.OpenAI, openai.AsyncOpenAI, "/v1", "openai"),
    "groq": (groq.Groq, groq.AsyncGroq, "", "groq"),
    "together": (together.Together, together.AsyncTogether, "", "together_ai"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_results_is_a_call_for_each_line(spans, provider, name):
    sync, asynchronous, path, answers = FILES[name]
    client = openai_like(sync, provider.url, path)
    client.batches.retrieve("batch_1")
    content = client.files.content("file-2")
    found = results(spans)
    assert found.keys() == {"a", "b"}
    check_answer(found["a"], answers)
    check_failure(found["b"])
    assert found["a"].start_time == found["a"].end_time == 1_700_000_000 * 10**9

    spans.clear()
    batch_result._TOLD.clear()  # as another program would fetch it
    asyncio.run(fetched(openai_like(asynchronous, provider.url, path)))
    again = results(spans)
    assert {key: span.context.span_id for key, span in again.items()} == {
        key: span.context.span_id for key, span in found.items()
    }
    assert again["a"].context.trace_id == found["a"].context.trace_id != found["b"].context.trace_id
    assert b"batch_req_1" in content.read()


async def fetched(client):
    await client.files.content("file-2")
    await client.close()


def test_a_result_fetched_twice_is_told_once(spans, provider):
    client = openai_like(openai.OpenAI, provider.url, "/v1")
    client.files.content("file-2")
    client.files.content("file-2")
    assert len(spans.all()) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"id,name\n1,Lima\n",
        b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n',
        b'{"messages": []}\n',
        b'{"custom_id": "a", "response": {"status_code": 200, "body": {"object": "something.new"}}}\n\xff\n',
        b"[1]\n",
        b"\x89PNG\r\n",
    ],
)
def test_any_other_file_is_passed_over(spans, provider, content):
    from fake_provider.server import Reply

    provider.rewrite = lambda _request, _reply: Reply(200, "application/octet-stream", [content], streamed=False)
    got = openai_like(openai.OpenAI, provider.url, "/v1").files.content("file-2")
    assert got.read() == content
    assert spans.all() == []


def test_what_is_streamed_to_the_application_is_not_read_for_us(spans, provider):
    client = openai_like(openai.OpenAI, provider.url, "/v1")
    with client.files.with_streaming_response.content("file-2") as response:
        assert b"batch_req_1" in b"".join(response.iter_bytes())
    assert spans.all() == []


KINDS = {
    "responses": (
        {
            "object": "response", "id": "resp_1", "model": "m-1", "created_at": 1.5, "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "Lima."}]}],
            "usage": {"input_tokens": 50, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 3}},
        },
        "llm",
        "chat m-1",
    ),
    "embeddings": (
        {
            "object": "list", "model": "m-1", "data": [{"object": "embedding", "embedding": [0.1, 0.2]}],
            "usage": {"prompt_tokens": 50},
        },
        "embedding",
        "embeddings m-1",
    ),
    "completions": (
        {
            "object": "text_completion", "id": "c", "model": "m-1", "created": 2,
            "choices": [{"index": 0, "text": "Lima.", "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 50, "completion_tokens": 7},
        },
        "llm",
        "text_completion m-1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_answers_of_all_kinds_are_read(spans, provider, name):
    from fake_provider.server import Reply

    body, kind, called = KINDS[name]
    line = json.dumps({"custom_id": "a", "response": {"status_code": 200, "body": body}}).encode()
    provider.rewrite = lambda _request, _reply: Reply(200, "application/octet-stream", [line], streamed=False)
    openai_like(openai.OpenAI, provider.url, "/v1").files.content("file-2")
    span = spans.one()
    assert span.name == called
    assert span.attributes["spanwise.kind"] == kind
    assert span.attributes["gen_ai.usage.input_tokens"] == 50
    if kind == "llm":
        assert json.loads(span.attributes["gen_ai.output.messages"])[0]["parts"][0]["content"] == "Lima."


def test_anthropics_results_are_told_as_they_are_read(spans, provider):
    with anthropic.Anthropic(api_key="k", base_url=provider.url, max_retries=0) as client:
        items = client.messages.batches.results("msgbatch_1")
        assert isinstance(items, JSONLDecoder)
        assert results(spans) == {}
        assert next(iter(items)).custom_id == "a"
        assert results(spans).keys() == {"a"}
        assert [item.custom_id for item in items] == ["b"]
        found = results(spans)
        items.close()
    assert found.keys() == {"a", "b"}
    check_answer(found["a"], "anthropic", "msgbatch_1")
    assert found["a"].end_time == 1_767_225_600 * 10**9


def test_anthropics_results_are_told_where_they_are_awaited(spans, provider):
    async def read():
        async with anthropic.AsyncAnthropic(api_key="k", base_url=provider.url, max_retries=0) as client:
            return [item async for item in await client.beta.messages.batches.results("msgbatch_1")]

    assert [item.custom_id for item in asyncio.run(read())] == ["a", "b"]
    check_answer(results(spans)["b"], "anthropic", "msgbatch_1")


def test_a_result_that_failed_or_never_came_is_an_error(spans, provider):
    from fake_provider.server import Reply

    lines = [
        {
            "custom_id": "a",
            "result": {"type": "errored", "error": {"type": "error", "error": {"type": "api_error", "message": "no"}}},
        },
        {"custom_id": "b", "result": {"type": "expired"}},
    ]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    provider.rewrite = lambda request, reply: (
        Reply(200, "application/x-jsonl", [body], streamed=False) if request.path.endswith("/results") else reply
    )
    with anthropic.Anthropic(api_key="k", base_url=provider.url, max_retries=0) as client:
        list(client.messages.batches.results("msgbatch_1"))
    found = results(spans)
    assert found["a"].attributes["error.type"] == "api_error"
    assert found["a"].status.description == "no"
    assert found["b"].attributes["error.type"] == "expired"


def of(name):
    return CLIENTS[name].opened


def test_mistrals_results_come_with_the_batch(spans, provider):
    with of("mistralai")(provider.url) as client:
        for _ in range(2):
            assert client.batch.jobs.get(job_id="batch-1", inline=True).outputs
    check_answer(results(spans)["a"], "mistral_ai", "batch-1")
    assert len(spans.all()) == 1


def test_googles_results_come_with_the_batch(spans, provider):
    with of("google-genai")(provider.url) as client:
        job = client.batches.get(name="batches/b1")
        assert len(job.dest.inlined_responses) == 2
    found = results(spans)
    check_answer(found["0"], "gcp.gemini", "batches/b1")
    check_failure(found["1"])
    assert found["0"].end_time == 1_767_225_600 * 10**9


def test_googles_results_come_in_a_file(spans, provider):
    with of("google-genai")(provider.url) as client:
        assert b"too long" in client.files.download(file="files/out")
    found = results(spans)
    check_answer(found["a"], "gcp.gemini", None)
    check_failure(found["b"])


AWAITED = {
    "mistralai": lambda client: client.batch.jobs.get_async(job_id="batch-1", inline=True),
    "google-genai": lambda client: getattr(client, "aio", client).batches.get(name="batches/b1"),
}


@pytest.mark.parametrize("name", AWAITED)
def test_results_that_come_with_a_batch_are_told_where_it_is_awaited(spans, provider, name):
    async def go():
        async with CLIENTS[name].opened_async(provider.url) as client:
            return await AWAITED[name](client)

    assert asyncio.run(go())
    assert {"mistralai": {"a"}, "google-genai": {"0", "1"}}[name] == results(spans).keys()


TOTALS = {
    "cohere": (
        lambda url: cohere.ClientV2(api_key="k", base_url=url),
        lambda client: client.batches.retrieve("batch-1"),
        "batch command-test",
        "batch-1",
    ),
    "fireworks": (
        lambda url: openai_like(fireworks.Fireworks, url),
        lambda client: client.batch_inference_jobs.get("b-1", account_id="a"),
        "batch accounts/a/models/m",
        "accounts/a/batchInferenceJobs/b-1",
    ),
}


@pytest.mark.parametrize("name", TOTALS)
def test_what_a_batch_used_is_told_once_where_nobody_fetches_its_answers(spans, provider, name):
    make, get, called, batch = TOTALS[name]
    client = make(provider.url)
    for _ in range(2):
        get(client)
    span = spans.one()
    assert span.name == called
    assert span.attributes["spanwise.kind"] == "llm"
    assert span.attributes["spanwise.batch.id"] == batch
    assert (span.attributes["gen_ai.usage.input_tokens"], span.attributes["gen_ai.usage.output_tokens"]) == (50, 7)
    assert json.loads(span.attributes["spanwise.output"])["answered"] == 2
    assert span.end_time == 1_767_225_600 * 10**9


def test_a_batch_that_goes_on_has_used_nothing_yet(spans, provider):
    cohere.ClientV2(api_key="k", base_url=provider.url).batches.retrieve("batch-on")
    assert spans.all() == []


def test_litellm_fetches_with_the_client_beneath(spans, provider):
    import litellm

    where = {"custom_llm_provider": "openai", "api_key": "k", "api_base": provider.openai_url}
    litellm.retrieve_batch("batch_1", **where)
    litellm.file_content("file-2", **where)
    check_answer(results(spans)["a"], "openai")


def test_a_result_says_where_it_was_fetched_and_for_whom(spans, provider):
    with spanwise.context(session_id="s-1"), spanwise.span("nightly") as step:
        openai_like(openai.OpenAI, provider.url, "/v1").files.content("file-2")
        here = trace.get_current_span().get_span_context().span_id
    assert step is not None
    span = results(spans)["a"]
    assert span.attributes["session.id"] == "s-1"
    assert [link.context.span_id for link in span.links] == [here]


def test_what_a_result_says_is_hidden_where_content_is(spans, provider):
    with spanwise.context(capture_content=False):
        openai_like(openai.OpenAI, provider.url, "/v1").files.content("file-2")
    said = results(spans)["a"].attributes
    assert "gen_ai.output.messages" not in said
    assert said["gen_ai.usage.output_tokens"] == 7


class Seeing(SpanProcessor):
    """An application's own processor."""

    def __init__(self, seen):
        self._seen = seen

    def on_end(self, span):
        self._seen.append(span)


def test_a_result_goes_by_the_same_ids_where_the_tracer_provider_is_the_applications(spans, provider):
    client = openai_like(openai.OpenAI, provider.url, "/v1")
    client.files.content("file-2")
    ours = results(spans)["a"].context
    batch_result._TOLD.clear()
    kept = batch_result.HELD.runtime
    theirs = TracerProvider()
    seen = []
    theirs.add_span_processor(Seeing(seen))
    try:
        batch_result.HELD.install(dataclasses.replace(kept, tracer=theirs.get_tracer("t")))
        client.files.content("file-2")
    finally:
        batch_result.HELD.install(kept)
    assert [span.context.span_id for span in seen if span.context.trace_id == ours.trace_id] == [ours.span_id]


def test_more_results_than_are_remembered_are_all_told(spans, provider, monkeypatch):
    from fake_provider.server import Reply

    monkeypatch.setattr(batch_result, "_REMEMBERED", 3)
    body = {"object": "chat.completion", "id": "c", "model": "m-1", "choices": []}
    lines = [
        json.dumps({"custom_id": str(n), "response": {"status_code": 200, "body": body}}).encode() for n in range(10)
    ]
    provider.rewrite = lambda _request, _reply: Reply(200, "a/b", [b"\n".join(lines)], streamed=False)
    openai_like(openai.OpenAI, provider.url, "/v1").files.content("file-2")
    assert sorted(results(spans)) == sorted(str(n) for n in range(10))
