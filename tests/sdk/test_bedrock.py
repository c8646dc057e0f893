"""Amazon Bedrock by boto3, through the real library: each family of models in the words of its maker."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fake_provider import Answer

SPOKEN = Answer(text="Lima is in Peru, on the coast.", input_tokens=50, output_tokens=19)
PROMPT = {"prompt": "Where is Lima?", "temperature": 0.5}
MESSAGES = [{"role": "user", "content": "Where is Lima?"}]
FAMILIES = {
    "anthropic.claude-test": {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": MESSAGES},
    "amazon.nova-test": {"messages": [{"role": "user", "content": [{"text": "Where is Lima?"}]}]},
    "amazon.titan-text-test": {"inputText": "Where is Lima?", "textGenerationConfig": {"temperature": 0.5}},
    "meta.llama-test": PROMPT,
    "mistral.mistral-test": PROMPT,
    "cohere.command-r-test": {"message": "Where is Lima?"},
    "openai.gpt-oss-test": {"messages": MESSAGES},
}


@pytest.fixture
def client(provider):
    provider.answer = lambda _: SPOKEN
    made = boto3.client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=provider.url, aws_access_key_id="k",
        aws_secret_access_key="k", config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    yield made
    made.close()


def check(spans, model: str) -> None:
    said = spans.attributes()
    assert spans.one().name == f"chat {model}"
    assert said["gen_ai.provider.name"] == "aws.bedrock"
    assert spans.json("gen_ai.input.messages") == [
        {"role": "user", "parts": [{"type": "text", "content": "Where is Lima?"}]}
    ]
    assert spans.said() == [{"type": "text", "content": "Lima is in Peru, on the coast."}]
    assert said["gen_ai.response.finish_reasons"] == ("stop",)
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["gen_ai.usage.output_tokens"] == 19


@pytest.mark.parametrize("model", FAMILIES)
def test_a_body_is_read_in_the_words_of_its_family(spans, client, model):
    response = client.invoke_model(modelId=model, body=json.dumps(FAMILIES[model]))
    assert spans.all() == [], "nothing is read before the application reads"
    assert json.loads(response["body"].read())
    check(spans, model)


@pytest.mark.parametrize("model", FAMILIES)
def test_a_stream_is_read_in_the_words_of_its_family(spans, client, model):
    body = json.dumps(FAMILIES[model])
    for event in client.invoke_model_with_response_stream(modelId=model, body=body)["body"]:
        assert json.loads(event["chunk"]["bytes"])
    check(spans, model)
    assert spans.attributes()["spanwise.stream.end"] == "exhausted"


def test_a_body_may_be_read_in_pieces_or_not_at_all(spans, client):
    body = json.dumps(PROMPT)
    assert b"".join(client.invoke_model(modelId="meta.llama-test", body=body)["body"].iter_chunks(9))
    check(spans, "meta.llama-test")
    spans.clear()
    client.invoke_model(modelId="meta.llama-test", body=body)["body"].close()
    assert "gen_ai.output.messages" not in spans.attributes()


def test_embeddings_tell_tokens_and_no_vectors(spans, client):
    body = json.dumps({"inputText": "Lima"})
    assert json.loads(client.invoke_model(modelId="amazon.titan-embed-test", body=body)["body"].read())["embedding"]
    said = spans.attributes()
    assert said["spanwise.kind"] == "embedding"
    assert said["gen_ai.usage.input_tokens"] == 50
    assert said["spanwise.input"] == '"Lima"'


def test_the_request_of_converse_is_told(spans, client):
    client.converse(
        modelId="amazon.nova-test",
        system=[{"text": "Be brief."}],
        messages=[
            {"role": "user", "content": [
                {"text": "What is it?"}, {"image": {"format": "png", "source": {"bytes": b"fake"}}}
            ]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "look", "input": {"at": 1}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "a cat"}]}}]},
        ],
        toolConfig={"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]},
        inferenceConfig={"temperature": 0.5, "maxTokens": 99, "stopSequences": ["END"]},
    )  # fmt: skip
    said = spans.attributes()
    assert said["gen_ai.request.max_tokens"] == 99
    assert said["gen_ai.request.stop_sequences"] == ("END",)
    assert spans.json("gen_ai.system_instructions") == [{"type": "text", "content": "Be brief."}]
    asked, called, answered = spans.json("gen_ai.input.messages")
    assert asked["parts"][1]["mime_type"] == "image/png"
    assert called["parts"] == [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}}]
    assert answered == {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "a cat"}]}
    assert spans.json("gen_ai.tool.definitions")[0]["name"] == "look"


def test_a_refusal_is_the_applications_own_error(spans, provider, client):
    provider.answer = lambda _: Answer(status=400, error="Not today.")
    with pytest.raises(ClientError, match="Not today"):
        client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "x"}]}])
    assert not spans.one().status.is_ok


def test_other_services_of_amazon_are_of_no_interest(spans, provider, client):
    with pytest.raises(ClientError):
        client.list_async_invokes()
    assert spans.all() == []
