from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

ROWS = b"question,answer\nWhere?,Here.\nWhen?,Now.\nWho?,You.\n"


@pytest.fixture
def filled(client: TestClient) -> TestClient:
    """A server with a dataset of three examples."""
    client.post("/api/v1/datasets", json={"name": "support"})
    assert client.post("/api/v1/datasets/1/import", content=ROWS).json()["taken"] == 3
    return client


def ids(client: TestClient) -> list[str]:
    return [item["id"] for item in client.get("/api/v1/datasets/1/examples").json()["items"]]


def keep(client: TestClient, passed: list[bool], **more: Any) -> dict[str, Any]:
    results = [
        {"example_id": name, "passed": ok, "duration_ms": 12.5, "message": "" if ok else "<b>wrong</b>"}
        for name, ok in zip(ids(client), passed, strict=True)
    ]
    answer = client.post(
        "/api/v1/experiments", json={"name": "test_answers", "dataset": "support", "results": results, **more}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_without_an_experiment_the_page_shows_how_to_make_one(filled: TestClient) -> None:
    page = filled.get("/experiments").text
    assert "No experiment yet" in page
    assert '@pytest.mark.spanwise_dataset("support"' in page


def test_a_run_is_kept_with_its_bound_and_listed(filled: TestClient) -> None:
    kept = keep(filled, [True, True, False], threshold=0.5)
    assert (kept["passed"], kept["trials"], kept["good"], kept["version"]) == (2, 3, False, 1)
    assert kept["lower_bound"] == pytest.approx(0.254, abs=0.001)
    page = filled.get("/experiments").text
    assert "2 of 3" in page
    assert "too low" in page
    assert keep(filled, [True, True, True])["good"]


def test_a_run_is_set_against_the_one_before(filled: TestClient) -> None:
    keep(filled, [True, True, False])
    keep(filled, [True, False, True], name="another")
    last = keep(filled, [False, True, True])
    page = filled.get(last["url"]).text
    assert "1 newly failing, 1 newly passing" in page
    assert page.index("newly failing</span>") < page.index("newly passing</span>")
    assert "Where?" in page
    assert "&lt;b&gt;wrong" in page
    assert re.search(r"1[23] ms", page)


def test_a_run_outlives_its_dataset_and_is_deleted_by_its_button(filled: TestClient) -> None:
    kept = keep(filled, [True, True, False])
    assert filled.delete("/api/v1/datasets/1").status_code == 204
    page = filled.get(kept["url"]).text
    assert "2 of 3" in page
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    assert filled.post(f"{kept['url']}/delete", data={"csrf_token": token[1]}).status_code == 303
    assert filled.get(kept["url"]).status_code == 404
    assert filled.get(f"/api/v1/experiments/{kept['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "t", "dataset": "nobody", "results": [{"example_id": "a", "passed": True}]}, 404),
        ({"name": "t", "dataset": "support", "results": []}, 422),
        ({"name": "t", "dataset": "support", "version": 9, "results": [{"example_id": "a", "passed": True}]}, 404),
        ({"name": "t", "dataset": "support", "threshold": 2, "results": [{"example_id": "a", "passed": True}]}, 422),
    ],
)
def test_a_run_without_sense_is_refused(filled: TestClient, body: dict[str, Any], status: int) -> None:
    refused = filled.post("/api/v1/experiments", json=body)
    assert refused.status_code in {status, 400}
    assert refused.json()["error"]["message"]
