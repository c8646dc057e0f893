"""Who may come in, from where, and what every answer carries."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from google.rpc.status_pb2 import Status
from starlette.testclient import TestClient

from spanwise_server.app import create_app, open_server
from spanwise_server.auth.guard import PASSWORD_SETTING
from spanwise_server.auth.passwords import hashed
from spanwise_server.errors import ConfigError

PASSWORD = "correct horse battery"


@pytest.fixture
def closed(settings):
    """A server with a login password, and a key of project ``acme``."""
    app = create_app(dataclasses.replace(settings, password=PASSWORD))
    with TestClient(app, base_url="http://127.0.0.1:4318", follow_redirects=False) as made:
        _, made.secret = app.state.server.store.create_key("acme", "ci", frozenset({"read", "write"}))
        yield made


def log_in(client, password=PASSWORD, next_url="/traces"):
    page = client.get("/login")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    return client.post("/login", data={"csrf_token": token, "password": password, "next": next_url})


def test_every_answer_carries_a_strict_policy_and_a_request_id(client):
    for path in ("/healthz", "/traces", "/nothing-here", "/api/v1/traces"):
        headers = client.get(path).headers
        assert "unsafe" not in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert len(headers["x-request-id"]) == 12


def test_another_name_for_loopback_learns_nothing(client):
    answer = client.get("/api/v1/traces", headers={"host": "evil.example:4318"})
    assert answer.status_code == 403
    assert "evil.example" in answer.json()["error"]["message"]


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
def test_a_page_of_another_site_cannot_post(client, headers):
    assert client.post("/api/v1/annotations", json={}, headers=headers).status_code == 403


def test_a_page_of_ours_can_post(client):
    body = {"name": "thumb", "target": {"trace_id": "0" * 31 + "1"}, "label": "up"}
    headers = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:4318"}
    assert client.post("/api/v1/annotations", json=body, headers=headers).status_code == 201


def test_without_a_login_pages_lead_to_it_and_programs_are_told(closed):
    page = closed.get("/traces?filter=kind%3Allm")
    assert page.status_code == 303
    assert page.headers["location"] == "/login?next=%2Ftraces%3Ffilter%3Dkind%253Allm"
    program = closed.get("/api/v1/traces")
    assert program.status_code == 401
    assert "API key" in program.json()["error"]["message"]
    assert closed.get("/healthz").status_code == 200


def test_an_exporter_is_told_in_the_form_it_reads(closed):
    as_json = closed.post("/v1/traces", json={})
    assert (as_json.status_code, as_json.json()["code"]) == (401, 16)
    assert "API key" in as_json.json()["message"]
    as_protobuf = closed.post("/v1/traces", content=b"", headers={"content-type": "application/x-protobuf"})
    assert as_protobuf.headers["content-type"] == "application/x-protobuf"
    status = Status()
    status.ParseFromString(as_protobuf.content)
    assert (as_protobuf.status_code, status.code) == (401, 16)


def test_the_password_lets_a_browser_in_and_logging_out_ends_it(closed):
    answer = log_in(closed, next_url="/traces?filter=x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/traces?filter=x")
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert closed.get("/traces").status_code == 200
    page = closed.get("/login").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    assert closed.post("/logout", data={"csrf_token": token}).status_code == 303
    assert closed.get("/traces").status_code == 303


def test_a_wrong_password_does_not(closed):
    answer = log_in(closed, "wrong")
    assert answer.status_code == 401
    assert closed.get("/traces").status_code == 303


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_login_never_leads_to_another_site(closed, url):
    assert log_in(closed, next_url=url).headers["location"] == "/traces"


def test_a_login_form_without_its_token_is_refused(closed):
    assert closed.post("/login", data={"password": PASSWORD}).status_code == 403


def test_a_stored_password_closes_the_server_too(client):
    client.app.state.server.store.keep_setting(PASSWORD_SETTING, hashed(PASSWORD))
    assert client.get("/traces").status_code == 303
    assert log_in(client).status_code == 303
    assert client.get("/traces").status_code == 200


@pytest.mark.parametrize("how", ["bearer", "x-api-key", "basic"])
def test_a_key_opens_its_own_project_only(closed, how):
    headers = {
        "bearer": {"authorization": f"Bearer {closed.secret}"},
        "x-api-key": {"x-api-key": closed.secret},
        "basic": {"authorization": "Basic " + base64.b64encode(f"pk:{closed.secret}".encode()).decode()},
    }[how]
    assert closed.get("/api/v1/traces", headers=headers).status_code == 200
    assert closed.get("/api/v1/traces?project=acme", headers=headers).status_code == 200
    assert closed.get("/api/v1/traces?project=other", headers=headers).status_code == 403


def test_an_unknown_and_a_revoked_key_open_nothing(closed):
    assert closed.get("/api/v1/traces", headers={"x-api-key": "sw_nonsense"}).status_code == 401
    store = closed.app.state.server.store
    key, secret = store.create_key("acme", "old", frozenset({"read"}))
    assert store.revoke_key(key.id)
    assert closed.get("/api/v1/traces", headers={"x-api-key": secret}).status_code == 401


def test_a_key_does_only_what_it_has_the_right_to(closed):
    _, secret = closed.app.state.server.store.create_key("acme", "reader", frozenset({"read"}))
    assert closed.get("/api/v1/traces", headers={"x-api-key": secret}).status_code == 200
    assert closed.post("/v1/traces", content=b"", headers={"x-api-key": secret}).status_code == 403


def test_an_open_address_needs_a_password(settings):
    with pytest.raises(ConfigError, match=r"will not listen on 0\.0\.0\.0 without a password"):
        open_server(dataclasses.replace(settings, host="0.0.0.0"))


def test_the_secret_of_forms_outlives_a_restart(settings):
    secrets = []
    for _ in range(2):
        server = open_server(settings)
        secrets.append(server.secret)
        server.writer.close()
        server.store.close()
    assert secrets[0] == secrets[1]
