"""A prompt's own examples, asked of a real client's model over loopback, and what the page says of it."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.testclient import TestClient

from fake_provider import FakeProvider
from fake_provider.answer import Answer
from server.playground.test_playground import store_key
from server.prompts.test_prompt_pages import call

TEMPLATE = "Sort for {{shop}}.\nInput: My parcel is late\nOutput: delivery\n\nInput: Money back\nOutput: refund\n\n"
NOTHING = "The prompt shows the model no example of how to answer."


def publish(client: TestClient, template: Any = TEMPLATE, **more: Any) -> None:
    asked = {"name": "shop/sort", "template": template, "model": "gpt-4o-mini", "params": {"temperature": 0}, **more}
    assert client.post("/api/v1/prompts", json=asked).status_code == 201


def ask(client: TestClient, version: int = 1, **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/prompts/shop/sort/examples", json={"version": version, **more})
    assert answer.status_code == 200, answer.text
    return [json.loads(line[6:]) for line in answer.text.split("\n\n") if line]


def finding(client: TestClient, version: int = 1) -> tuple[str, str]:
    page = client.get(f"/prompts/shop/sort?tab=checks&v={version}").text
    found = re.search(r"<td>Own examples</td><td><span[^>]*>([^<]+)</span></td><td>([^<]+)</td>", page)
    assert found is not None
    return found[1], found[2]


def test_each_example_is_asked_without_itself_and_what_came_of_it_stays(client: TestClient) -> None:
    publish(client)
    assert finding(client) == ("to know", "It shows 2; the model was not asked them yet.")
    with FakeProvider(lambda request: Answer(text="Delivery.")) as provider:
        store_key(client, "openai", provider.openai_url)
        events = ask(client)
        sent = [request.body for request in provider.requests]
    assert [event.get("verdict") for event in events] == ["agrees", "differs", None]
    assert events[0]["assumed"] == ["shop"]
    assert events[-1] == {"summary": {"examples": 2, "agrees": 1, "differs": 1, "to read": 0, "failed": 0}}
    assert sent[0]["messages"][1] == {"role": "user", "content": "My parcel is late"}
    assert "delivery" not in sent[0]["messages"][0]["content"]
    assert "Money back" in sent[0]["messages"][0]["content"]
    assert sent[0]["temperature"] == 0
    assert finding(client) == ("wrong", "Of 2 that it shows, the model answered 1 the same and 1 otherwise.")
    page = client.get("/prompts/shop/sort?tab=checks").text
    assert "My parcel is late" in page
    assert re.search(r'<td class="mono answered">Delivery.</td>', page)
    span = client.get(f"/api/v1/spans/{events[0]['done']['span_id']}").json()
    span = span.get("span", span)
    assert (span["environment"], span["prompt"]["version"], span["tags"]) == ("playground", "1", ["own example"])


def test_the_newest_answer_counts_and_other_versions_have_their_own(client: TestClient) -> None:
    publish(client)
    publish(client, TEMPLATE + "Be brief.")
    for text in ("nothing", "delivery"):
        with FakeProvider(lambda request, text=text: Answer(text=text)) as provider:
            store_key(client, "openai", provider.openai_url)
            ask(client)
    assert finding(client) == ("wrong", "Of 2 that it shows, the model answered 1 the same and 1 otherwise.")
    assert finding(client, 2) == ("to know", "It shows 2; the model was not asked them yet.")


def test_a_refusal_is_shown_where_the_answer_would_be(client: TestClient) -> None:
    publish(client)
    with FakeProvider(lambda request: Answer(status=429, error="Too many today.")) as provider:
        store_key(client, "openai", provider.openai_url)
        events = ask(client, model="gpt-4o")
    assert events[-1]["summary"]["failed"] == 2
    assert "Too many today." in events[0]["error"]
    assert "Too many today." in client.get("/prompts/shop/sort?tab=checks").text
    assert finding(client)[1] == "It shows 2; the model was not asked them yet."


def test_a_version_that_names_no_model_is_asked_of_the_one_that_calls_were_made_with(client: TestClient) -> None:
    template = "Sort.\nInput: My parcel is late\nOutput: delivery\n\n{{question}}"
    client.post("/api/v1/prompts", json={"name": "shop/support", "template": template})
    call(client, 1, 1, "q", "a", template, **{"gen_ai.request.model": "claude-haiku-4-5"})
    call(client, 2, 1, "q", "a", template, **{"gen_ai.request.model": "gpt-4o", "deployment.environment": "playground"})
    page = client.get("/prompts/shop/support?tab=checks").text
    assert re.search(r'name="model" value="claude-haiku-4-5"', page)
    assert re.search(r'<option value="openai" selected>', page), "the provider that the call told"


def test_what_cannot_be_asked_is_refused_with_the_reason(client: TestClient) -> None:
    publish(client, "Be brief.", model=None)
    publish(client, model=None)
    assert finding(client) == ("to know", NOTHING)

    def refusal(**asked: Any) -> str:
        answer = client.post("/api/v1/prompts/shop/sort/examples", json=asked)
        assert answer.status_code in {404, 422}
        return answer.json()["error"]["message"]

    assert refusal(version=1) == "This version shows the model no example."
    assert refusal(version=2) == "The version names no model."
    assert refusal(version=2, model="m", provider="nobody") == "There is no provider 'nobody'."
    assert "There is no key for google" in refusal(version=2, model="gemini-2.5-flash")
    assert refusal(version=9) == "'shop/sort' has no version 9."
