"""A prompt that was written in code becomes a version when its first call arrives."""

from __future__ import annotations

import json
from typing import Any

from starlette.testclient import TestClient

from spanwise_server.prompts.content import template_hash

START = 1_795_000_000_000_000_000


def send(client: TestClient, n: int, name: str, template: Any, version: str | None = None) -> None:
    text = template if isinstance(template, str) else json.dumps(template)
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.prompt.name": name,
        "spanwise.prompt.version": version or template_hash(template)[:12],
        "spanwise.prompt.hash": template_hash(template),
        "spanwise.prompt.template": text,
    }
    span = {
        "traceId": f"{n:032x}", "spanId": f"{n:016x}", "name": "chat", "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_000_000),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in said.items()],
    }  # fmt: skip
    answer = client.post("/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    assert answer.status_code == 200
    client.app.state.server.seen.wait()


def versions(client: TestClient, name: str) -> list[dict[str, Any]]:
    return client.get(f"/api/v1/prompts/{name}/versions").json()["items"]


def test_each_template_that_calls_were_made_with_is_one_version(client: TestClient) -> None:
    for n, template in enumerate(["Hello {{name}}", "Hello {{name}}", "Hi {{name}}", "Hello {{name}}"], 1):
        send(client, n, "greeting", template)
    found = versions(client, "greeting")
    assert [(v["version"], v["template"], v["origin"]) for v in found] == [
        (2, "Hi {{name}}", "code"),
        (1, "Hello {{name}}", "code"),
    ]
    assert found[0]["said_as"] == template_hash("Hi {{name}}")[:12]
    assert found[0]["variables"] == ["name"]


def test_a_number_that_the_program_gave_stays_its_number(client: TestClient) -> None:
    messages = [{"role": "system", "content": "Be {{tone}}."}]
    send(client, 1, "support", messages, "7")
    send(client, 2, "support", "Be kind.", "8")
    assert [(v["version"], v["said_as"], v["type"]) for v in versions(client, "support")] == [
        (8, "8", "text"),
        (7, "7", "chat"),
    ]


def test_calls_with_a_published_version_make_no_other(client: TestClient) -> None:
    client.post("/api/v1/prompts", json={"name": "support", "template": "Be kind."})
    send(client, 1, "support", "Be kind.", "1")
    assert [(v["version"], v["origin"]) for v in versions(client, "support")] == [(1, "registry")]


def test_a_name_that_the_registry_has_no_place_for_is_left_alone(client: TestClient) -> None:
    send(client, 1, "../../etc/passwd", "x")
    assert client.get("/api/v1/prompts").json()["items"] == []
    assert client.get("/api/v1/spans").json()["items"][0]["prompt"]["name"] == "../../etc/passwd"
