"""What Cohere, Mistral, Anthropic, Vertex AI, Hugging Face and LiteLLM can be asked beside chats."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace

import huggingface_hub
import pytest
from google.genai import errors as genai_errors

from fake_provider import Answer, ToolCall

from .clients import CLIENTS

SPOKEN = Answer(text="Lima is in Peru.", input_tokens=50, output_tokens=19)
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)  # fmt: skip


@pytest.fixture
def client(request, provider):
    provider.answer = lambda _: SPOKEN
    with CLIENTS[request.param].opened(provider.url) as made:
        yield made


def of(name: str):
    return pytest.mark.parametrize("client", [name], indirect=True)


@of("cohere")
def test_cohere_ranks(spans, client):
    found = client.rerank(model="rerank-test", query="Where?", documents=["a cat", "Lima"], top_n=1)
    assert found.results[0].index == 1
    said = spans.attributes()
    assert said["spanwise.kind"] == "reranker"
    assert said["gen_ai.retrieval.query.text"] == "Where?"
    assert spans.json("gen_ai.retrieval.documents") == [{"id": "1", "content": "Lima", "score": 0.9}]


@of("together")
def test_together_ranks_what_has_fields(spans, client):
    documents = [{"text": "a cat", "page": 1}, {"text": "Lima", "page": 2}]
    assert client.rerank.create(model="rerank-test", query="Where?", documents=documents, top_n=1).results[0].index == 1
    assert spans.one().name == "rerank rerank-test"
    assert spans.attributes()["gen_ai.retrieval.query.text"] == "Where?"
    assert spans.json("gen_ai.retrieval.documents") == [{"id": "1", "content": "Lima", "score": 0.9}]


@of("litellm")
def test_litellm_ranks_by_whoever_it_asks(spans, client):
    import litellm

    ask = {"model": "cohere/rerank-test", "query": "Where?", "documents": ["a cat", "Lima"], "top_n": 1}
    address = {"api_key": "k", "api_base": client["api_base"].removesuffix("/v1") + "/v2/rerank"}
    litellm.rerank(**ask, **address)
    asyncio.run(litellm.arerank(**ask, **address))
    for span in spans.all():
        assert span.name == "rerank rerank-test"
        assert span.attributes["gen_ai.provider.name"] == "cohere"
        assert json.loads(span.attributes["gen_ai.retrieval.documents"])[0]["content"] == "Lima"
    assert len(spans.all()) == 2


@of("cohere")
def test_cohere_embeds(spans, client):
    client.embed(model="embed-test", input_type="search_query", texts=["Lima"], embedding_types=["float"])
    assert spans.attributes()["spanwise.kind"] == "embedding"
    assert spans.attributes()["gen_ai.usage.input_tokens"] == 50
    assert spans.json("spanwise.input") == ["Lima"]


@of("cohere v1")
def test_coheres_first_client_is_told_with_what_was_said_before(spans, provider, client):
    tools = [{"name": "weather", "description": "Tells it.", "parameter_definitions": {"city": {"type": "str"}}}]
    provider.answer = lambda _: Answer(tool_calls=(ToolCall("weather", {"city": "Lima"}),), input_tokens=50)
    asked = client.chat(model="m", message="Where?", preamble="Be brief.", tools=tools)
    provider.answer = lambda _: SPOKEN
    results = [{"call": asked.tool_calls[0], "outputs": [{"degrees": 21}]}]
    client.chat(
        model="m", message="", tools=tools, tool_results=results,
        chat_history=[{"role": "USER", "message": "Where?"}, {"role": "CHATBOT", "message": "I will look."}],
    )  # fmt: skip
    first, second = (span.attributes for span in spans.all())
    assert first["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert '"name":"weather","arguments":{"city":"Lima"}' in first["gen_ai.output.messages"]
    assert json.loads(first["gen_ai.tool.definitions"])[0]["name"] == "weather"
    assert [message["role"] for message in json.loads(first["gen_ai.input.messages"])] == ["system", "user"]
    said = json.loads(second["gen_ai.input.messages"])
    assert [message["role"] for message in said] == ["user", "assistant", "tool"]
    assert said[2]["parts"][0]["response"] == [{"degrees": 21}]
    assert second["gen_ai.usage.output_tokens"] == 19


@of("cohere v1")
def test_coheres_first_client_ranks_and_embeds_many_texts_as_one_call(spans, provider, client):
    client.rerank(model="rerank-test", query="Where?", documents=["a cat", {"text": "Lima"}], top_n=1)
    assert spans.json("gen_ai.retrieval.documents") == [{"id": "1", "content": "Lima", "score": 0.9}]
    spans.clear()
    client.embed(model="embed-test", input_type="search_query", texts=["Lima"] * 200, embedding_types=["float"])
    assert len(provider.requests) == 4
    assert spans.one().name == "embeddings embed-test"
    assert spans.attributes()["gen_ai.usage.input_tokens"] == 150


@of("cohere v1")
def test_a_raw_stream_of_coheres_first_client_is_told(spans, client):
    with client.with_raw_response.chat_stream(model="m", message="Where?") as response:
        assert len(list(response.data)) > 2
    assert spans.said()[0]["content"] == "Lima is in Peru."


@of("cohere")
def test_a_raw_response_of_coheres_is_told(spans, client):
    messages = [{"role": "user", "content": "Where?"}]
    assert client.with_raw_response.chat(model="m", messages=messages).data.message.content
    assert spans.said()[0]["content"] == "Lima is in Peru."


@of("cohere")
def test_a_raw_stream_of_coheres_is_told_as_its_block_ends(spans, client):
    ask = {"model": "m", "messages": [{"role": "user", "content": "Where?"}]}
    with client.with_raw_response.chat_stream(**ask) as response:
        assert response.headers
        assert spans.all() == []
        assert len(list(response.data)) > 2
    assert spans.said()[0]["content"] == "Lima is in Peru."
    assert spans.attributes()["spanwise.stream.end"] == "exhausted"
    assert spans.attributes()["gen_ai.usage.output_tokens"] == 19
    spans.clear()
    with client.with_raw_response.chat_stream(**ask) as response:
        next(response.data)
    assert spans.attributes()["spanwise.stream.end"] == "closed"
    spans.clear()
    with contextlib.suppress(ZeroDivisionError), client.with_raw_response.chat_stream(**ask) as response:
        next(response.data)
        raise ZeroDivisionError
    assert spans.attributes()["spanwise.stream.end"] == "closed"
    spans.clear()
    del response
    block = client.with_raw_response.chat_stream(**ask)
    del block
    assert spans.attributes()["spanwise.stream.end"] == "abandoned"


@of("cohere")
def test_a_raw_stream_of_coheres_that_is_refused_is_an_error(spans, provider, client):
    provider.answer = lambda _: Answer(status=400, error="no such model")
    ask = {"model": "m", "messages": [{"role": "user", "content": "Where?"}]}
    with pytest.raises(Exception, match="no such model"), client.with_raw_response.chat_stream(**ask):
        pass
    assert spans.one().attributes["error.type"] == "BadRequestError"


def test_an_async_raw_stream_of_coheres_is_told(spans, provider):
    async def go() -> None:
        async with CLIENTS["cohere"].opened_async(provider.url) as client:
            messages = [{"role": "user", "content": "Where?"}]
            async with client.with_raw_response.chat_stream(model="m", messages=messages) as response:
                assert len([event async for event in response.data]) > 2
            async with client.with_raw_response.chat_stream(model="m", messages=messages) as response:
                await anext(response.data)

    asyncio.run(go())
    assert [span.attributes["spanwise.stream.end"] for span in spans.all()] == ["exhausted", "closed"]


@of("mistralai")
def test_mistral_fills_in_embeds_and_reads(spans, client):
    client.fim.complete(model="codestral-test", prompt="def f(", suffix="return a")
    assert spans.one().name == "text_completion codestral-test"
    assert spans.said()[0]["content"] == "Lima is in Peru."
    spans.clear()
    with client.fim.stream(model="codestral-test", prompt="def f(") as stream:
        assert len(list(stream)) > 1
    assert spans.attributes()["spanwise.stream.end"] == "exhausted"
    spans.clear()
    client.embeddings.create(model="embed-test", inputs=["Lima"])
    assert spans.attributes()["gen_ai.usage.input_tokens"] == 50
    spans.clear()
    client.agents.complete(agent_id="ag-1", messages=[{"role": "user", "content": "Where?"}])
    assert spans.json("spanwise.request.params")["agent_id"] == "ag-1"
    spans.clear()
    client.ocr.process(model="ocr-test", document={"type": "document_url", "document_url": "https://a.example/b.pdf"})
    assert spans.said()[0]["content"] == "Lima is in Peru."


@of("mistralai")
def test_a_batch_of_mistrals_is_told_where_it_is_handed_in(spans, client):
    client.batch.jobs.create(endpoint="/v1/chat/completions", model="mistral-test", input_files=["file-1"])
    assert spans.one().name == "batch mistral-test"
    assert spans.attributes()["spanwise.kind"] == "span"
    assert spans.json("spanwise.input") == {"endpoint": "/v1/chat/completions", "input_files": ["file-1"]}
    assert spans.json("spanwise.output") == {"id": "batch-1", "status": "QUEUED"}


@of("google-genai")
def test_a_batch_of_googles_is_told_where_it_is_handed_in(spans, client):
    asked = [{"contents": [{"role": "user", "parts": [{"text": "Go on"}]}]}]
    assert client.batches.create(model="gemini-test", src=asked).name == "batches/b1"
    assert spans.one().name == "batch gemini-test"
    assert "Go on" in spans.attributes()["spanwise.input"]
    assert spans.json("spanwise.output") == {"name": "batches/b1", "state": "BATCH_STATE_PENDING"}


@of("google-genai on Vertex AI")
def test_a_batch_on_vertex_ai_is_told_and_a_list_of_them_is_not(spans, client):
    client.batches.create(model="gemini-test", src="gs://a/in.jsonl", config={"dest": "gs://a/out"})
    assert spans.one().name == "batch gemini-test"
    assert spans.json("spanwise.output")["state"] == "JOB_STATE_PENDING"
    spans.clear()
    with contextlib.suppress(genai_errors.APIError):
        list(client.batches.list())
    assert spans.all() == []


@of("anthropic")
def test_anthropic_counts_tokens_that_nobody_pays_for(spans, client):
    count = client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "Where?"}])
    assert count.input_tokens == 50
    (span,) = [span for span in spans.all() if span.instrumentation_scope.name == "spanwise"]
    assert span.attributes["spanwise.kind"] == "span"
    assert span.attributes["spanwise.output"] == '{"input_tokens":50}'
    assert "gen_ai.usage.input_tokens" not in span.attributes


@of("anthropic")
def test_a_batch_of_anthropics_is_told_where_it_is_handed_in(spans, client):
    ask = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Where?"}]}
    made = client.messages.batches.create(requests=[{"custom_id": "a", "params": ask}])
    assert made.id == "msgbatch_1"
    (span,) = [span for span in spans.all() if span.instrumentation_scope.name == "spanwise"]
    assert span.name == "batch"
    assert "msgbatch_1" in span.attributes["spanwise.output"]


@of("anthropic")
def test_messages_under_beta_are_messages(spans, client):
    client.beta.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "Where?"}])
    assert spans.said()[0]["content"] == "Lima is in Peru."


@of("google-genai on Vertex AI")
def test_vertex_ai_embeds(spans, client):
    client.models.embed_content(model="text-embedding-test", contents=["Lima", "Cusco"])
    said = spans.attributes()
    assert said["spanwise.kind"] == "embedding"
    assert said["gen_ai.provider.name"] == "gcp.vertex_ai"


@of("huggingface")
def test_hugging_face_by_the_ways_of_openai(spans, client):
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Where?"}])
    assert spans.said()[0]["content"] == "Lima is in Peru."


SIMPLE = {
    "summarization": ({"text": "Where?"}, "summarization"),
    "translation": ({"text": "Where?"}, "translation"),
    "question_answering": ({"question": "Where?", "context": "Peru."}, "question_answering"),
    "image_to_text": ({"image": b"a picture"}, "image_to_text"),
    "visual_question_answering": ({"image": b"a picture", "question": "Where?"}, "question_answering"),
    "automatic_speech_recognition": ({"audio": b"sound"}, "transcription"),
}


@pytest.mark.parametrize("task", SIMPLE)
def test_hugging_faces_other_tasks_are_told(spans, provider, task):
    provider.answer = lambda _: SPOKEN
    given, operation = SIMPLE[task]
    model = f"{provider.url}/hf/{task}"
    getattr(huggingface_hub.InferenceClient(api_key="k"), task)(*given.values(), model=model)
    asyncio.run(_told_in_loop(task, given, model))
    for span in spans.all():
        assert span.attributes["gen_ai.operation.name"] == operation
        assert span.attributes["server.address"] == "127.0.0.1"
        assert "Lima is in Peru." in span.attributes["gen_ai.output.messages"]
        assert ("Where?" in span.attributes.get("gen_ai.input.messages", "")) is ("Where?" in given.values())
    assert len(spans.all()) == 2


async def _told_in_loop(task, given, model):
    async with huggingface_hub.AsyncInferenceClient(api_key="k") as client:
        await getattr(client, task)(**given, model=model)


def test_hugging_face_draws_speaks_and_compares(spans, provider):
    client = huggingface_hub.InferenceClient(api_key="k")
    assert client.text_to_image("Lima", model=f"{provider.url}/hf/text_to_image").size == (1, 1)
    assert client.text_to_speech("Lima", model=f"{provider.url}/hf/text_to_speech") == b"RIFF"
    found = client.sentence_similarity("Where?", ["Lima", "a cat"], model=f"{provider.url}/hf/sentence_similarity")
    assert found == [0.9, 0.1]
    drawn, spoken, compared = (span.attributes for span in spans.all())
    assert drawn["spanwise.output"] == '{"width":1,"height":1}'
    assert '"modality":"audio"' in spoken["gen_ai.output.messages"]
    assert compared["spanwise.kind"] == "reranker"
    assert compared["spanwise.output"] == "[0.9,0.1]"


@of("litellm")
def test_litellm_embeds_and_never_twice(spans, client):
    import litellm

    address = {"api_key": "k", "api_base": client["api_base"]}
    litellm.embedding(model="openai/ada", input=["Lima"], **address)
    assert spans.one().name == "embeddings ada"
    assert spans.attributes()["gen_ai.usage.input_tokens"] == 50
    spans.clear()
    asyncio.run(litellm.aembedding(model="openai/ada", input=["Lima"], **address))
    assert spans.one().name == "embeddings ada"
    spans.clear()
    litellm.responses(model="openai/m", input="Where?", **address)
    assert spans.said()[0]["content"] == "Lima is in Peru."


@of("litellm")
def test_the_counts_of_litellms_stream_come_without_an_extra_chunk(spans, provider, client):
    import litellm

    pieces = list(litellm.completion(**client, stream=True))
    assert provider.requests[-1].body["stream_options"] == {"include_usage": True}
    assert all(piece.choices for piece in pieces)
    assert spans.attributes()["gen_ai.usage.output_tokens"] == 19


@of("litellm")
def test_a_chunk_without_choices_is_not_handed_on_for_our_sake(spans, provider, client):
    """As Azure's first one: LiteLLM keeps it to itself, but where it was asked for usage."""
    import litellm

    empty = b'data: {"id":"c","object":"chat.completion.chunk","choices":[]}\n\n'
    provider.rewrite = lambda _, reply: replace(reply, chunks=[empty, *reply.chunks])
    assert all(piece.choices for piece in litellm.completion(**client, stream=True))
    asked = {**client, "stream": True, "stream_options": {"include_usage": True}}
    assert not all(piece.choices for piece in litellm.completion(**asked))
