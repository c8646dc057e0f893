"""The registry as programs see it: versions that never change, labels that move, prompts within prompts."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from spanwise_server.store.prompts import Prompts

CHAT = [{"role": "system", "content": "You work for {{company}}."}, {"role": "user", "content": "{{question}}"}]


def publish(client: TestClient, name: str, template: Any, status: int = 201, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/prompts", json={"name": name, "template": template, **more})
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(client: TestClient, name: str, template: Any, **more: Any) -> str:
    return publish(client, name, template, 422, **more)["error"]["message"]


def fetch(client: TestClient, name: str, **asked: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/prompts/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_versions_are_numbered_and_never_change(client: TestClient) -> None:
    first = publish(client, "support", "Hello {{name}}", note="first", model="gpt-4o-mini", params={"temperature": 0.2})
    second = publish(client, "support", "Hi {{name}}")
    assert (first["version"], second["version"]) == (1, 2)
    assert fetch(client, "support", version=1)["template"] == "Hello {{name}}"
    assert fetch(client, "support") == fetch(client, "support", label="latest")
    assert fetch(client, "support")["template"] == "Hi {{name}}"
    said = fetch(client, "support", version=1)
    assert said["variables"] == ["name"]
    assert said["model"] == "gpt-4o-mini"
    assert said["params"] == {"temperature": 0.2}
    assert said["note"] == "first"
    assert len(said["hash"]) == len(said["template_hash"]) == 64


def test_publishing_the_same_again_makes_no_version(client: TestClient) -> None:
    publish(client, "support", "Hello")
    assert publish(client, "support", "Hello", 200)["version"] == 1
    publish(client, "support", "Hello", model="gpt-4o")
    assert [v["version"] for v in client.get("/api/v1/prompts/support/versions").json()["items"]] == [2, 1]


def test_messages_tools_and_schema_are_kept(client: TestClient) -> None:
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    publish(client, "bot", CHAT, tools=tools, output_schema=schema)
    said = fetch(client, "bot")
    assert (said["type"], said["template"], said["variables"]) == ("chat", CHAT, ["company", "question"])
    assert (said["tools"], said["output_schema"]) == (tools, schema)


def test_a_label_moves_and_its_history_says_who_moved_it(client: TestClient) -> None:
    publish(client, "support", "one", labels=["production"])
    publish(client, "support", "two")
    assert fetch(client, "support", label="production")["version"] == 1
    moved = client.put("/api/v1/prompts/support/labels/production", json={"version": 2})
    assert moved.json()["labels"] == {"production": 2, "latest": 2}
    assert fetch(client, "support", label="production")["template"] == "two"
    assert client.delete("/api/v1/prompts/support/labels/production").status_code == 204
    history = client.get("/api/v1/prompts/support/history").json()["items"]
    assert [(m["label"], m["from"], m["to"], m["by"]) for m in history] == [
        ("production", 2, None, "local"),
        ("production", 1, 2, "local"),
        ("production", None, 1, "local"),
    ]
    missing = client.get("/api/v1/prompts/support?label=production")
    assert missing.status_code == 404
    assert "has no label 'production'" in missing.json()["error"]["message"]


def test_a_protected_label_is_moved_by_no_api_key(client: TestClient) -> None:
    store = client.app.state.server.store
    _, secret = store.create_key("default", "ci", frozenset({"read", "write"}))
    key = {"Authorization": f"Bearer {secret}"}
    publish(client, "support", "one", labels=["production"])
    publish(client, "support", "two")
    protected = client.put("/api/v1/prompts/protected/production", json={"protected": True})
    assert protected.json() == {"protected_labels": ["production"]}
    assert client.get("/api/v1/prompts").json()["protected_labels"] == ["production"]
    for method, path, body in (
        ("PUT", "support/labels/production", {"version": 2}),
        ("DELETE", "support/labels/production", None),
        ("DELETE", "support", None),
        ("PUT", "protected/production", {"protected": False}),
        ("POST", "", {"name": "support", "template": "three", "labels": ["production"]}),
    ):
        refusal = client.request(method, f"/api/v1/prompts/{path}".rstrip("/"), json=body, headers=key)
        assert refusal.status_code == 403, (method, path, refusal.text)
    assert fetch(client, "support")["version"] == 2, "what was refused published nothing"
    allowed = client.put("/api/v1/prompts/support/labels/staging", json={"version": 2}, headers=key)
    assert allowed.status_code == 200
    assert client.put("/api/v1/prompts/support/labels/production", json={"version": 2}).status_code == 200


def test_folders_are_part_of_the_name(client: TestClient) -> None:
    for name in ("shop/support", "shop/returns/letter", "other"):
        publish(client, name, "Hello")
    listed = client.get("/api/v1/prompts", params={"folder": "shop"}).json()["items"]
    assert [(p["name"], p["folder"]) for p in listed] == [
        ("shop/returns/letter", "shop/returns"),
        ("shop/support", "shop"),
    ]
    assert fetch(client, "shop/returns/letter")["name"] == "shop/returns/letter"


def test_an_included_prompt_is_frozen_when_the_one_around_it_is_published(client: TestClient) -> None:
    publish(client, "shared/tone", "Be kind to {{who}}.", labels=["production"])
    publish(client, "support", "{{> shared/tone@production }} Answer {{question}}.")
    said = fetch(client, "support")
    assert said["template"] == "Be kind to {{who}}. Answer {{question}}."
    assert said["source"] == "{{> shared/tone@production }} Answer {{question}}."
    assert said["variables"] == ["who", "question"]
    assert [(i["name"], i["label"], i["version"]) for i in said["includes"]] == [("shared/tone", "production", 1)]
    publish(client, "shared/tone", "Be brief.", labels=["production"])
    assert fetch(client, "support")["template"] == "Be kind to {{who}}. Answer {{question}}."
    again = publish(client, "support", "{{> shared/tone@production }} Answer {{question}}.")
    assert (again["version"], again["template"]) == (2, "Be brief. Answer {{question}}.")


def test_a_prompt_that_would_include_itself_is_refused(client: TestClient) -> None:
    publish(client, "a", "A")
    publish(client, "b", "B {{> a}}")
    publish(client, "c", "C {{> b@latest}}")
    assert refused(client, "a", "{{> a}}") == "The prompt 'a' would include itself."
    assert refused(client, "a", "{{> c}}") == "The prompt 'a' would include itself through 'c'."


@pytest.mark.parametrize(
    ("template", "more", "sentence"),
    [
        ("  ", {}, "The prompt is empty."),
        ([], {}, "The prompt has no message."),
        ([{"role": "boss", "content": "x"}], {}, "Message 1 has no role"),
        ([{"role": "user"}], {}, "Message 1 has no content."),
        ("{% if %}", {"format": "jinja"}, "This is no Jinja template"),
        ("{{ x.__class__() }}", {"format": "jinja"}, "A template may not call anything"),
        ("{x.y}", {"format": "fstring"}, "takes bare names"),
        ("{{> tone}}", {"format": "jinja"}, "is written in the format 'plain'"),
        ("{{> chat}}", {}, "is made of messages"),
        ("x", {"labels": ["latest"]}, "latest is always the newest version."),
        ("x", {"labels": ["Bad Label"]}, "cannot be a label"),
    ],
)
def test_what_could_not_be_used_is_refused_with_the_reason(client: TestClient, template, more, sentence) -> None:
    publish(client, "tone", "Be kind.")
    publish(client, "chat", CHAT)
    assert sentence in refused(client, "p", template, **more)
    assert client.get("/api/v1/prompts/p").status_code == 404


@pytest.mark.parametrize("name", ["/a", "a/", "a//b", "../a", "a/versions", ".hidden", "a@b", "x" * 201])
def test_a_name_that_could_be_no_address_or_file_is_refused(client: TestClient, name) -> None:
    assert "prompt" in refused(client, name, "x")


def test_a_version_is_fetched_with_an_etag_and_a_label_is_asked_for_again(client: TestClient) -> None:
    publish(client, "support", "one", labels=["production"])
    by_label = client.get("/api/v1/prompts/support?label=production")
    assert by_label.headers["cache-control"].startswith("private, max-age=10, stale-while-revalidate=")
    by_number = client.get("/api/v1/prompts/support?version=1")
    assert by_number.headers["cache-control"].endswith("immutable")
    known = {"If-None-Match": by_label.headers["etag"]}
    again = client.get("/api/v1/prompts/support?label=production", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == by_label.headers["etag"]
    publish(client, "support", "two", labels=["production"])
    assert client.get("/api/v1/prompts/support?label=production", headers=known).status_code == 200


def test_a_diff_says_what_changed_in_lines(client: TestClient) -> None:
    publish(client, "bot", CHAT, model="gpt-4o")
    publish(client, "bot", [*CHAT[:1], {"role": "user", "content": "Q: {{question}}"}], model="gpt-5")
    lines = client.get("/api/v1/prompts/bot/diff?from=1").json()["lines"]
    assert [line for line in lines if line[0] in "+-"] == [
        "--- bot@1", "+++ bot@2", '-  "model": "gpt-4o"', '+  "model": "gpt-5"', "-{{question}}", "+Q: {{question}}",
    ]  # fmt: skip


def test_a_deleted_prompt_is_gone_with_its_versions(client: TestClient) -> None:
    publish(client, "support", "one", labels=["production"])
    assert client.delete("/api/v1/prompts/support").status_code == 204
    assert client.get("/api/v1/prompts").json()["items"] == []
    assert publish(client, "support", "again")["version"] == 1


def test_prompts_of_one_project_are_not_those_of_another(client: TestClient) -> None:
    publish(client, "support", "one")
    assert client.get("/api/v1/prompts/support?project=other").status_code == 404
    assert Prompts(client.app.state.server.store).all("other") == []
