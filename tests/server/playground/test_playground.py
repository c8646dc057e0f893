"""The playground over HTTP: real clients of the providers, against a provider on loopback."""

from __future__ import annotations

import http.server
import json
import re
import threading
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from fake_provider import FakeProvider
from fake_provider.answer import Answer, ToolCall
from spanwise_server.app import create_app
from spanwise_server.playground import addresses
from spanwise_server.playground.addresses import is_public
from spanwise_server.playground.call import BadCall, flip_rate
from spanwise_server.playground.http import make_http
from spanwise_server.playground.secrets import Vault, from_environment
from spanwise_server.settings import Settings

KEY = "sk-very-secret-0123456789"
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is Lima?"}]
MODELS = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-of-tests",
    "google": "gemini-2.5-flash",
    "bedrock": "amazon.nova-lite-v1:0",
}
KEYS = {"bedrock": "AKIAOFTESTS:very-secret-0123456789:session-of-tests"}


def store_key(client: TestClient, name: str, base_url: str, key: str | None = None) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/playground").text)
    assert token is not None
    fields = {"csrf_token": token[1], "provider": name, "base_url": base_url}
    fields["key"] = KEYS.get(name, KEY) if key is None else key
    assert client.post("/playground/keys", data=fields).status_code == 303


def url_of(provider: FakeProvider, name: str) -> str:
    return provider.openai_url if name == "openai" else provider.url


def run(client: TestClient, name: str = "openai", **more: Any) -> list[dict[str, Any]]:
    asked = {"provider": name, "model": MODELS[name], "messages": MESSAGES, **more}
    answer = client.post("/api/v1/playground/run", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(line[6:]) for line in answer.text.split("\n\n") if line]


def refusal(client: TestClient, **more: Any) -> str:
    asked = {"provider": "openai", "model": "m", "messages": MESSAGES, **more}
    answer = client.post("/api/v1/playground/run", json=asked)
    assert answer.status_code == 422, answer.text
    return answer.json()["error"]["message"]


@pytest.mark.parametrize("name", MODELS)
def test_each_provider_streams_through_its_own_client(client: TestClient, provider: FakeProvider, name) -> None:
    store_key(client, name, url_of(provider, name))
    events = run(client, name)
    pieces = [event["text"] for event in events if "text" in event]
    (done,) = [event["done"] for event in events if "done" in event]
    assert len(pieces) > 1
    assert "".join(pieces) == done["text"]
    assert done["input_tokens"] > 0
    assert done["output_tokens"] > 0
    assert events[-1] == {"summary": {"runs": 1, "answered": 1, "flip_rate": None}}
    assert KEY not in json.dumps(events)


@pytest.mark.parametrize("name", MODELS)
def test_a_call_is_a_span_of_the_project_in_its_own_environment(
    client: TestClient, provider: FakeProvider, name
) -> None:
    store_key(client, name, url_of(provider, name))
    done = run(client, name)[-2]["done"]
    span = client.get(f"/api/v1/spans/{done['span_id']}").json()
    span = span.get("span", span)
    assert (span["environment"], span["kind"], span["status"]) == ("playground", "llm", "ok")
    assert span["request_model"] == MODELS[name]
    assert span["input_messages"][-1]["parts"][0]["content"] == "Where is Lima?"
    assert span["output_messages"][0]["parts"][0]["content"] == done["text"]
    assert span["usage"]["input_tokens"] == done["input_tokens"]
    assert span["ttft_ms"] is not None
    assert KEY not in json.dumps(span)


@pytest.mark.parametrize("name", MODELS)
def test_tools_and_schema_reach_the_provider_and_calls_come_back(client: TestClient, name) -> None:
    tool = {"type": "function", "function": {"name": "look_up", "description": "", "parameters": {"type": "object"}}}
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    with FakeProvider(lambda request: Answer(tool_calls=(ToolCall("look_up", {"city": "Lima"}),))) as provider:
        store_key(client, name, url_of(provider, name))
        done = run(client, name, tools=[tool], output_schema=schema, params={"temperature": 0.5})[-2]["done"]
        sent = json.dumps(provider.requests[-1].body)
    assert [(c["name"], json.loads(c["arguments"])) for c in done["tool_calls"]] == [("look_up", {"city": "Lima"})]
    assert "look_up" in sent
    assert "city" in sent
    assert "0.5" in sent


def test_repeats_say_how_often_the_answer_flips(client: TestClient) -> None:
    def answer(request: Any) -> Answer:
        return Answer(text="yes" if request.number % 4 else "no")

    with FakeProvider(answer) as provider:
        store_key(client, "openai", provider.openai_url)
        events = run(client, repeats=8)
    summary = events[-1]["summary"]
    assert (summary["runs"], summary["answered"]) == (8, 8)
    assert summary["flip_rate"] == pytest.approx(0.25)
    assert {event["run"] for event in events if "done" in event} == set(range(8))


def test_an_error_of_the_provider_is_said_and_traced_without_the_key(client: TestClient) -> None:
    with FakeProvider(lambda request: Answer(status=401, error=f"Incorrect API key provided: {KEY}")) as provider:
        store_key(client, "openai", provider.openai_url)
        event = run(client)[0]
    assert "Incorrect API key provided: [key]" in event["error"]
    assert "sk-very" not in json.dumps(event)
    spans = client.get("/api/v1/spans").json()["items"]
    assert spans[0]["status"] == "error"
    assert KEY not in json.dumps(spans)


def test_variables_are_put_in_and_missing_ones_refused(client: TestClient, provider: FakeProvider) -> None:
    store_key(client, "openai", provider.openai_url)
    messages = [{"role": "user", "content": "Where is {{city}}?"}]
    run(client, messages=messages, format="plain", variables={"city": "Lima"})
    assert "Where is Lima?" in json.dumps(provider.requests[-1].body)
    assert "needs a value for {{city}}" in refusal(client, messages=messages, format="plain")
    run(client, messages=messages)
    assert "Where is {{city}}?" in json.dumps(provider.requests[-1].body), "a recorded call is sent as it was"


def test_an_unchanged_version_of_a_prompt_is_linked_and_a_changed_one_is_not(
    client: TestClient, provider: FakeProvider
) -> None:
    store_key(client, "openai", provider.openai_url)
    client.post("/api/v1/prompts", json={"name": "support", "template": "Be brief, {{name}}."})
    messages = [{"role": "system", "content": "Be brief, {{name}}."}, {"role": "user", "content": "Hi"}]
    asked = {"prompt": "support", "version": 1, "format": "plain", "variables": {"name": "Ann"}}

    def prompt_of(messages: Any) -> Any:
        done = run(client, messages=messages, **asked)[-2]["done"]
        span = client.get(f"/api/v1/spans/{done['span_id']}").json()
        return span.get("span", span)["prompt"]

    assert prompt_of(messages)["version"] == "1"
    assert prompt_of([{"role": "system", "content": "Be long."}, messages[1]]) is None


def test_a_recorded_call_opens_as_it_was(client: TestClient, provider: FakeProvider) -> None:
    store_key(client, "openai", provider.openai_url)
    done = run(client, params={"temperature": 0.25})[-2]["done"]
    page = client.get(f"/playground?trace={done['trace_id']}&span={done['span_id']}").text
    assert "Where is Lima?" in page
    assert 'value="gpt-4o-mini"' in page
    assert "&#34;temperature&#34;: 0.25" in page
    assert client.get("/playground?span=ffffffffffffffff").status_code == 404


def test_a_key_is_kept_encrypted_and_never_shown(
    client: TestClient, provider: FakeProvider, settings: Settings
) -> None:
    store_key(client, "openai", provider.openai_url)
    page = client.get("/playground").text
    assert KEY not in page
    assert "stored" in page
    kept = b"".join(path.read_bytes() for path in settings.data.iterdir() if path.is_file())
    assert KEY.encode() not in kept
    assert (settings.data / "secrets.key").stat().st_mode & 0o077 == 0
    store_key(client, "openai", "", key="")
    assert "There is no key for openai" in refusal(client)


def test_a_key_of_one_project_opens_nothing_for_another(client: TestClient, provider: FakeProvider) -> None:
    store_key(client, "openai", provider.openai_url)
    answer = client.post(
        "/api/v1/playground/run?project=other", json={"provider": "openai", "model": "m", "messages": MESSAGES}
    )
    assert answer.status_code == 422


def test_another_vault_cannot_read_a_key(tmp_path) -> None:
    token = Vault(tmp_path).lock(KEY)
    assert Vault(tmp_path).unlock(token) == KEY
    (tmp_path / "secrets.key").unlink()
    Vault(tmp_path).lock("other")
    with pytest.raises(BadCall, match=r"secrets\.key"):
        Vault(tmp_path).unlock(token)


def test_a_key_of_the_environment_goes_to_its_own_provider_alone() -> None:
    assert from_environment("openai", {}) is None
    found = from_environment("openai", {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": "other"})
    assert found is not None
    assert (found.key, found.base_url, found.stored) == (KEY, "", False)


def test_without_leave_no_private_address_is_reached(settings: Settings, provider: FakeProvider) -> None:
    with TestClient(create_app(settings), base_url="http://127.0.0.1:4318", follow_redirects=False) as client:
        store_key(client, "openai", provider.openai_url)
        assert "is not a public address" in run(client)[0]["error"]
        for name in ("anthropic", "google", "bedrock"):
            store_key(client, name, provider.url)
            assert "is not a public address" in run(client, name)[0]["error"]
    assert provider.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
        "2002:7f00:1::", "ff02::1", "198.18.0.1", "240.0.0.1",
    ],
)  # fmt: skip
def test_addresses_of_inner_networks_are_known_however_they_are_written(address) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address) -> None:
    assert is_public(address)


def test_a_name_that_leads_inside_is_refused_after_it_was_resolved(monkeypatch, provider: FakeProvider) -> None:
    inside = [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: inside)
    with make_http(allow_private=False) as client, pytest.raises(httpx2.ConnectError, match="not a public address"):
        client.get("http://rebinding.example/")


def test_a_redirect_inside_is_refused(monkeypatch) -> None:
    class Redirects(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("location", f"http://127.0.0.2:{self.server.server_port}/")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirects) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with make_http(allow_private=False) as client, pytest.raises(httpx2.ConnectError, match=r"127\.0\.0\.2"):
            client.get(f"http://127.0.0.1:{server.server_port}/", follow_redirects=True)
        server.shutdown()


def test_the_flip_rate_is_the_share_that_differs_from_the_commonest() -> None:
    assert flip_rate([]) is None
    assert flip_rate(["a"]) is None
    assert flip_rate(["a", "a "]) == 0
    assert flip_rate(["a", "b", "a", "c"]) == 0.5
