"""Rows of a dataset in the playground: offered, searched, and given out by column."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

ROWS = "question,answer,split\n" + "".join(
    f"Where is place {n}?,Here {n},{'test' if n % 2 else 'train'}\n" for n in range(20)
)


@pytest.fixture
def filled(client: TestClient) -> TestClient:
    client.post("/api/v1/datasets", json={"name": "places"})
    assert client.post("/api/v1/datasets/1/import", content=ROWS.encode()).json()["taken"] == 20
    client.post("/api/v1/datasets", json={"name": "empty"})
    return client


def test_rows_are_offered_by_page_split_and_words(filled: TestClient) -> None:
    page = filled.get("/playground/rows?dataset=1").text
    assert page.count('class="row-pick"') == 8
    assert "<html" not in page
    assert 'data-columns="input\nquestion\nexpected\ncontext"' in page
    last = filled.get("/playground/rows?dataset=1&page=3").text
    assert last.count('class="row-pick"') == 4
    of_test = filled.get("/playground/rows?dataset=1&split=test").text
    assert 'data-count="10"' in of_test
    found = filled.get("/playground/rows?dataset=1&q=17%3F").text
    assert found.count('class="row-pick"') == 1
    assert "This dataset is empty" in filled.get("/playground/rows?dataset=2").text
    assert filled.get("/playground/rows?dataset=9").status_code == 404
    assert filled.get("/playground/rows?dataset=1&project=other").status_code == 404


def test_a_row_gives_its_columns_and_the_page_opens_with_one(filled: TestClient) -> None:
    first = filled.get("/api/v1/datasets/1/examples").json()["items"][0]
    said = filled.get(f"/playground/row?dataset=1&example={first['id']}").json()["columns"]
    assert said == {"input": "Where is place 0?", "question": "Where is place 0?", "expected": "Here 0", "context": ""}
    assert filled.get("/playground/row?dataset=1&example=nobody").status_code == 404
    filled.post("/api/v1/prompts", json={"name": "geo", "template": "Say {{question}}"})
    page = filled.get(f"/playground?prompt=geo&dataset=1&example={first['id']}").text
    assert "Where is place 0?" in page
    assert "data-panel open" in page
    assert 'href="/playground?dataset=1"' in filled.get("/datasets/1").text
    assert 'href="/playground?dataset=2"' not in filled.get("/datasets/2").text, "there is nothing to run over"


def test_rows_with_names_of_their_own_give_those(client: TestClient) -> None:
    client.post("/api/v1/datasets", json={"name": "named"})
    row = {"input": {"city": "Lima", "tone": "kind"}, "expected_output": "Peru"}
    assert client.post("/api/v1/datasets/1/import", content=json.dumps(row).encode()).status_code == 201
    example = client.get("/api/v1/datasets/1/examples").json()["items"][0]["id"]
    said = client.get(f"/playground/row?dataset=1&example={example}").json()["columns"]
    assert (said["city"], said["tone"], said["expected"]) == ("Lima", "kind", "Peru")
    assert json.loads(said["input"]) == {"city": "Lima", "tone": "kind"}
