"""What each provider is sent by the playground: its own words for parameters, tools, turns and keys."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from fake_provider import FakeProvider
from fake_provider.answer import Answer, ToolCall
from server.playground.test_playground import KEY, KEYS, run, store_key, url_of
from spanwise_server.playground.call import Connection
from spanwise_server.playground.params import for_anthropic, for_bedrock, for_google, for_openai
from spanwise_server.playground.providers import provider_of
from spanwise_server.playground.replay import of_record
from spanwise_server.playground.secrets import from_environment
from spanwise_server.record import Reading, Record, Scope, Span

TALK = [
    {"role": "user", "content": "Where are my two parcels?"},
    {
        "role": "assistant", "content": "",
        "tool_calls": [
            {"id": "c1", "name": "look_up", "arguments": '{"parcel": 1}'},
            {"id": "c2", "name": "look_up", "arguments": '{"parcel": 2}'},
        ],
    },
    {"role": "tool", "content": "in Lima", "tool_call_id": "c1"},
    {"role": "tool", "content": "in Cusco", "tool_call_id": "c2"},
    {"role": "user", "content": "And?"},
]  # fmt: skip


def sent(client: TestClient, provider: FakeProvider, name: str, **more: Any) -> Any:
    store_key(client, name, url_of(provider, name))
    run(client, name, **more)
    return provider.requests[-1]


def test_bedrock_is_asked_in_turns_and_in_its_own_words(client: TestClient, provider: FakeProvider) -> None:
    params = {"max_tokens": 99, "top_p": 0.5, "stop": "END", "top_k": 7}
    body = sent(client, provider, "bedrock", messages=TALK, params=params).body
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    results = [block["toolResult"] for block in body["messages"][2]["content"] if "toolResult" in block]
    assert [(one["toolUseId"], one["content"]) for one in results] == [
        ("c1", [{"text": "in Lima"}]),
        ("c2", [{"text": "in Cusco"}]),
    ]
    assert body["messages"][1]["content"][0]["toolUse"]["input"] == {"parcel": 1}
    assert body["inferenceConfig"] == {"maxTokens": 99, "topP": 0.5, "stopSequences": ["END"]}
    assert body["additionalModelRequestFields"] == {"top_k": 7}


def test_bedrock_is_asked_with_the_keys_of_the_project_alone(
    client: TestClient, provider: FakeProvider, monkeypatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.setenv(name, "of-the-server")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    signed = sent(client, provider, "bedrock").headers
    assert signed["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAOFTESTS/")
    assert "/us-east-1/bedrock/" in signed["authorization"]
    assert signed["x-amz-security-token"] == "session-of-tests"
    store_key(client, "bedrock", provider.url, key="bedrock-api-key-0123456789")
    run(client, "bedrock")
    assert provider.requests[-1].headers["authorization"] == "Bearer bedrock-api-key-0123456789"
    assert "of-the-server" not in json.dumps([one.headers for one in provider.requests])


def test_a_model_of_bedrock_that_does_not_stream_answers_in_one_piece(client: TestClient) -> None:
    def answer(request: Any) -> Answer:
        if request.path.endswith("converse-stream"):
            return Answer(status=400, error="This model doesn't support tool use in streaming mode.")
        return Answer(text="In Peru.", tool_calls=(ToolCall("look_up", {"city": "Lima"}),))

    with FakeProvider(answer) as provider:
        store_key(client, "bedrock", provider.url)
        done = run(client, "bedrock")[-2]["done"]
    assert done["text"] == "In Peru."
    assert json.loads(done["tool_calls"][0]["arguments"]) == {"city": "Lima"}
    assert done["input_tokens"] > 0


def test_a_refusal_of_bedrock_is_said_without_any_part_of_the_key(client: TestClient) -> None:
    _, secret, token = KEYS["bedrock"].split(":")
    with FakeProvider(lambda request: Answer(status=403, error=f"Not with {secret} and {token}.")) as provider:
        store_key(client, "bedrock", provider.url)
        event = run(client, "bedrock")[0]
    assert "Not with [key] and [key]." in event["error"]
    assert secret not in json.dumps([event, client.get("/api/v1/spans").json()])


def test_bedrock_takes_a_region_for_an_address_and_others_do_not(client: TestClient) -> None:
    store_key(client, "bedrock", "eu-central-1")
    assert 'value="eu-central-1"' in client.get("/playground").text
    with pytest.raises(AssertionError):
        store_key(client, "openai", "eu-central-1")


def test_keys_of_the_environment_are_found_where_each_client_looks_for_them() -> None:
    two = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
    assert from_environment("bedrock", two) == Connection("bedrock", "id:secret", "eu-west-1")
    assert from_environment("bedrock", two | {"AWS_SESSION_TOKEN": "t"}) == Connection(
        "bedrock", "id:secret:t", "eu-west-1"
    )
    assert from_environment("bedrock", {"AWS_ACCESS_KEY_ID": "id"}) is None
    assert from_environment("bedrock", {"AWS_BEARER_TOKEN_BEDROCK": "one"}) == Connection("bedrock", "one")
    assert from_environment("google", {"GOOGLE_API_KEY": KEY}) == Connection("google", KEY)


def test_a_tools_answer_tells_google_the_name_of_its_function(client: TestClient, provider: FakeProvider) -> None:
    body = sent(client, provider, "google", messages=TALK, params={"max_tokens": 9, "stop": "END"}).body
    answers = [part["functionResponse"] for turn in body["contents"] for part in turn["parts"] if len(part) == 1
               and "functionResponse" in part]  # fmt: skip
    assert [one["name"] for one in answers] == ["look_up", "look_up"]
    assert body["generationConfig"]["maxOutputTokens"] == 9
    assert body["generationConfig"]["stopSequences"] == ["END"]


def test_recorded_words_for_parameters_become_those_of_each_client() -> None:
    recorded = {"max_tokens": 9, "stop_sequences": ["END"], "reasoning_level": "low"}
    assert for_openai(recorded, "gpt-4o") == {"max_tokens": 9, "stop": ["END"], "reasoning_effort": "low"}
    assert for_openai({"max_tokens": 9}, "gpt-5-mini") == {"max_completion_tokens": 9}
    assert for_openai({"max_completion_tokens": 9}, "gpt-4o") == {"max_completion_tokens": 9}
    assert for_anthropic({"maxTokens": 9, "stop": "END"}) == {"max_tokens": 9, "stop_sequences": ["END"]}
    assert for_google({"maxOutputTokens": 9, "topP": 0.5}) == {"max_output_tokens": 9, "top_p": 0.5}
    assert for_bedrock({"temperature": 0, "guardrailConfig": {}}) == {
        "inferenceConfig": {"temperature": 0},
        "guardrailConfig": {},
    }


def test_what_a_client_has_no_word_for_reaches_a_compatible_server(client: TestClient, provider: FakeProvider) -> None:
    assert sent(client, provider, "openai", params={"top_k": 7}).body["top_k"] == 7
    assert sent(client, provider, "anthropic", params={"min_p": 0.1}).body["min_p"] == 0.1


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("gpt-4o", None, "openai"),
        ("claude-sonnet-4-5", None, "anthropic"),
        ("gemini-2.5-flash", None, "google"),
        ("us.anthropic.claude-sonnet-4-5-v1:0", None, "bedrock"),
        ("amazon.nova-lite-v1:0", None, "bedrock"),
        ("claude-sonnet-4-5", "aws.bedrock", "bedrock"),
        ("claude-sonnet-4-5", "openai", "openai"),
        ("gemini-2.5-flash", "gcp.vertex_ai", "google"),
        ("llama3", "ollama", "openai"),
    ],
)
def test_a_model_is_asked_for_where_it_is(model, provider, expected) -> None:
    assert provider_of(model, provider) == expected


@pytest.mark.parametrize(
    "params",
    [
        {"response_format": '{"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}'},
        {"responseJsonSchema": {"type": "object"}, "responseMimeType": "application/json"},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ],
)
def test_a_recorded_call_is_made_again_with_its_schema(params: dict[str, Any]) -> None:
    span = Span("0" * 32, "0" * 16, None, "chat", 0, 1, "ok", None, {}, {}, Scope("s"))
    start = of_record(Record("default", span, Reading(params={"temperature": 0.5, "stream": True, **params}), None))
    assert start.output_schema == {"type": "object"}
    assert start.params == {"temperature": 0.5}
