"""Codes over HTTP: coding critiques that were written in queues, rates, groups, steps, files and queues of a code."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from shop_traces import shop_trace, span_id, trace_id

CRITIQUES = {
    0: "Refund promised although the policy says 30 days",
    1: "promises a refund after the 30 day window, policy says no",
    2: "Tone is rude to the customer",
    3: "too rude, customer will be upset",
}
TRACES = 8


@pytest.fixture
def shop(client: TestClient) -> TestClient:
    client.app.state.server.store.write([record for n in range(TRACES) for record in shop_trace(n)])
    return client


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def queue_of(shop: TestClient, **asked: Any) -> dict[str, Any]:
    return ok(shop.post("/api/v1/queues", json={"name": "Orders", "recipe": "random", "limit": 8, **asked}), 201)


def label(shop: TestClient, queue: dict[str, Any], n: int, verdict: str = "fail", text: str = "", **more: Any) -> None:
    items = ok(shop.get(f"/api/v1/queues/{queue['id']}"))["items"]
    item = next(i for i in items if i["target"]["trace_id"] == trace_id(n))
    given = {"annotator": "ana", **({"label": verdict, "explanation": text} if not more else {}), **more}
    ok(shop.post(f"/api/v1/queues/{queue['id']}/items/{item['id']}/label", json=given), 201)


@pytest.fixture
def queue(shop: TestClient) -> dict[str, Any]:
    """A random sample of everything, of which four items failed with a critique and one passed."""
    made = queue_of(shop)
    for n, text in CRITIQUES.items():
        label(shop, made, n, text=text)
    label(shop, made, 4, "pass")
    return made


def critiques(shop: TestClient, **asked: Any) -> dict[str, str]:
    return {one["critique"]: one["id"] for one in ok(shop.get("/api/v1/codes/critiques", params=asked))["items"]}


def code(shop: TestClient, name: str, *texts: str) -> dict[str, Any]:
    ids = critiques(shop)
    given = {"critiques": [ids[text] for text in texts], "code": name, "annotator": "ana"}
    return ok(shop.post("/api/v1/codes/critiques/code", json=given))["event"]


def codes(shop: TestClient, **asked: Any) -> dict[str, Any]:
    return ok(shop.get("/api/v1/codes", params=asked))


def test_critiques_are_coded_counted_and_weighted(shop: TestClient, queue: dict[str, Any]) -> None:
    assert codes(shop)["critiques"] == {"total": 4, "coded": 0, "name_no_failure": 0, "open": 4}
    event = code(shop, "Wrong refund", CRITIQUES[0], CRITIQUES[1])
    assert (event["action"], event["names"], event["critiques"]) == ("code", ["Wrong refund"], 2)
    assert "have no code" in codes(shop)["rates"]["refused"]
    code(shop, "Rude", CRITIQUES[2], CRITIQUES[3])
    found = codes(shop, queue_id=queue["id"])
    assert [(c["name"], c["critiques"], c["targets"]) for c in found["items"]] == [
        ("Wrong refund", 2, 2), ("Rude", 2, 2),
    ]  # fmt: skip
    assert found["rates"]["refused"] is None
    assert found["rates"]["items_used"] == 5
    rate = found["items"][0]["rate"]
    assert rate["share"] == pytest.approx(0.4)
    assert 0 < rate["low"] < 0.4 < rate["high"] < 1
    assert found["rates"]["no_code"]["share"] == pytest.approx(0.2)
    assert found["saturation"]["codes"] == 2
    assert "16 more tell" in found["saturation"]["says"]


def test_rates_are_refused_for_two_samples_and_for_picked_ones(shop: TestClient, queue: dict[str, Any]) -> None:
    picked = queue_of(shop, recipe="newest", annotation_name="tone")
    label(shop, picked, 5, text="Curt and cold")
    for text in (*CRITIQUES.values(), "Curt and cold"):
        code(shop, "Bad", text)
    assert "2 queues" in codes(shop)["rates"]["refused"]
    assert codes(shop, queue_id=queue["id"])["rates"]["refused"] is None
    assert "not by chance" in codes(shop, queue_id=picked["id"])["rates"]["refused"]
    assert "range of time" in codes(shop, queue_id=queue["id"], **{"from": "2020-01-01"})["rates"]["refused"]
    assert [one["critiques"] for one in codes(shop, queue_id=picked["id"])["items"]] == [1]
    assert [one["critiques"] for one in codes(shop, rubric_id=picked["rubric_id"])["items"]] == [1]
    assert shop.get("/api/v1/codes", params={"queue_id": 999}).status_code == 404
    assert shop.get("/api/v1/codes", params={"rubric_id": 999}).status_code == 404


def test_codes_are_changed_merged_split_deleted_and_every_act_undone(shop: TestClient, queue: dict[str, Any]) -> None:
    code(shop, "Wrong", *list(CRITIQUES.values())[:3])
    made = ok(shop.post("/api/v1/codes", json={"name": "Tone", "description": "How it sounds."}), 201)
    assert ok(shop.post("/api/v1/codes", json={"name": "TONE"}), 201)["id"] == made["id"]
    wrong = next(c for c in codes(shop)["items"] if c["name"] == "Wrong")
    ids = critiques(shop)
    split = {"critiques": [ids[CRITIQUES[2]]], "name": "Rude"}
    ok(shop.post(f"/api/v1/codes/{wrong['id']}/split", json=split))
    renamed = ok(shop.patch(f"/api/v1/codes/{wrong['id']}", json={"name": "Wrong refund"}))
    assert renamed["name"] == "Wrong refund"
    rude = next(c for c in codes(shop)["items"] if c["name"] == "Rude")
    ok(shop.post(f"/api/v1/codes/{rude['id']}/merge", json={"into": made["id"]}))
    assert {c["name"]: c["critiques"] for c in codes(shop)["items"]} == {"Wrong refund": 2, "Tone": 1}
    assert shop.patch(f"/api/v1/codes/{made['id']}", json={"name": "wrong refund"}).status_code == 409
    assert shop.delete(f"/api/v1/codes/{made['id']}").status_code == 204
    assert shop.delete(f"/api/v1/codes/{made['id']}").status_code == 404
    for expected in ("delete", "merge", "rename", "split"):
        undone = ok(shop.post("/api/v1/codes/undo", json={}))["undone"]
        acts = ok(shop.get("/api/v1/codes/events"))["items"]
        assert next(e["action"] for e in acts if e["id"] == undone["undoes"]) == expected
    assert {c["name"]: c["critiques"] for c in codes(shop)["items"]} == {"Wrong": 3, "Tone": 0}
    of_one = ok(shop.get("/api/v1/codes/events", params={"critique": ids[CRITIQUES[2]]}))["items"]
    assert [e["action"] for e in of_one] == ["undo", "undo", "undo", "delete", "merge", "split", "code"]
    assert {e["annotator_id"] for e in of_one} == {"ana", "local"}


def test_critiques_are_listed_by_state_and_page(shop: TestClient, queue: dict[str, Any]) -> None:
    code(shop, "Wrong refund", CRITIQUES[0], CRITIQUES[1])
    ids = critiques(shop)
    ok(shop.post("/api/v1/codes/critiques/aside", json={"critiques": [ids[CRITIQUES[2]]]}))
    number = codes(shop)["items"][0]["id"]
    assert list(critiques(shop, state="open")) == [CRITIQUES[3]]
    assert list(critiques(shop, state="aside")) == [CRITIQUES[2]]
    assert list(critiques(shop, code_id=number)) == [CRITIQUES[0], CRITIQUES[1]]
    ok(shop.post("/api/v1/codes/critiques/uncode", json={"critiques": [ids[CRITIQUES[1]]], "code_id": number}))
    assert list(critiques(shop, state="coded")) == [CRITIQUES[0]]
    page = ok(shop.get("/api/v1/codes/critiques", params={"limit": 3}))
    assert (len(page["items"]), page["total"], page["next_offset"]) == (3, 4, 3)
    rest = ok(shop.get("/api/v1/codes/critiques", params={"limit": 3, "offset": 3}))
    assert (len(rest["items"]), rest["next_offset"]) == (1, None)
    given = page["items"][0]["codes"]
    assert [(one["name"], one["by"]) for one in given] == [("Wrong refund", "ana")]
    assert shop.post("/api/v1/codes/critiques/code", json={"critiques": [ids[CRITIQUES[0]]]}).status_code == 400
    assert shop.post("/api/v1/codes/critiques/code", json={"critiques": ["x"], "code": "y"}).status_code == 404


def test_groups_are_suggested_and_joined_to_codes(shop: TestClient, queue: dict[str, Any]) -> None:
    found = ok(shop.get("/api/v1/codes/groups"))
    assert [{one["critique"] for one in group["critiques"]} for group in found["items"]] == [
        {CRITIQUES[0], CRITIQUES[1]}, {CRITIQUES[2], CRITIQUES[3]},
    ]  # fmt: skip
    code(shop, "Rude", CRITIQUES[2])
    again = ok(shop.get("/api/v1/codes/groups"))["items"]
    assert [group["name"] for group in again if group["code_id"] is not None] == ["Rude"]


def test_files_hold_one_row_a_critique_and_no_formula(shop: TestClient, queue: dict[str, Any]) -> None:
    label(shop, queue, 5, text="=SUM(A1)")
    code(shop, "Wrong refund", CRITIQUES[0])
    code(shop, "Rude", CRITIQUES[0], CRITIQUES[2])
    lines = [json.loads(line) for line in shop.get("/api/v1/codes/export?format=jsonl").text.splitlines()]
    assert [(line["critique"], line["codes"]) for line in lines[:3]] == [
        (CRITIQUES[0], ["Wrong refund", "Rude"]), (CRITIQUES[1], []), (CRITIQUES[2], ["Rude"]),
    ]  # fmt: skip
    answer = shop.get("/api/v1/codes/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="codes.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["codes"] for row in rows] == ["Wrong refund; Rude", "", "Rude", "", ""]
    assert rows[4]["critique"] == "'=SUM(A1)"
    assert (rows[0]["trace_id"], rows[0]["span_id"]) == (trace_id(0), span_id(0))
    assert shop.get("/api/v1/codes/export?format=xml").status_code == 400


def test_labels_and_examples_say_what_they_were_coded_as(shop: TestClient, queue: dict[str, Any]) -> None:
    code(shop, "Wrong refund", CRITIQUES[0])
    judged = ok(shop.get("/api/v1/annotations", params={"trace_id": trace_id(0)}))["items"]
    assert [one["codes"] for one in judged] == [["Wrong refund"]]
    found = ok(shop.get("/api/v1/traces", params={"filter": 'code:"Wrong refund"'}))["items"]
    assert [one["trace_id"] for one in found] == [trace_id(0)]
    asked = {"name": "support", "examples": {"queue_id": queue["id"]}}
    dataset = ok(shop.post("/api/v1/datasets", json=asked), 201)
    examples = ok(shop.get(f"/api/v1/datasets/{dataset['id']}/examples"))["items"]
    assert [one["label"].get("codes") for one in examples].count(["Wrong refund"]) == 1
    rows = shop.get(f"/api/v1/datasets/{dataset['id']}/export", params={"format": "csv"}).content.decode("utf-8-sig")
    assert [row["codes"] for row in csv.DictReader(io.StringIO(rows))].count("Wrong refund") == 1


def test_steps_say_where_traces_first_go_wrong(shop: TestClient) -> None:
    rubric = {
        "name": "Steps",
        "questions": [
            {"name": "correct", "kind": "binary", "text": "Good?"},
            {"name": "step", "kind": "first_bad_step", "text": "Which step first?"},
        ],
    }
    rubric_id = ok(shop.post("/api/v1/rubrics", json=rubric), 201)["id"]
    queue = queue_of(shop, rubric_id=rubric_id)
    for n, part in ((0, 2), (1, 2), (2, 3)):
        step = {"span_id": span_id(n, part), "name": "lookup_order"}
        label(shop, queue, n, answers={"correct": {"value": "fail"}, "step": {"value": step}})
    for n, verdict in ((3, "fail"), (4, "pass")):
        label(shop, queue, n, answers={"correct": {"value": verdict}, "step": {"value": "none"}})
    found = ok(shop.get("/api/v1/codes/steps", params={"queue_id": queue["id"]}))
    assert (found["traces"], found["traces_with_bad_step"]) == (5, 3)
    cells = {(c["after"], c["step"].partition(" ")[0]): (c["times"], c["first_bad"]) for c in found["transitions"]}
    assert cells == {("search_help", "lookup_order"): (5, 2), ("lookup_order", "chat"): (3, 1)}
    assert found["failed_with_every_step_good"] == {"failed": 1, "of": 2}
    shares = {one["step"].partition(" ")[0]: one["share"] for one in found["rates"]["items"]}
    assert shares == pytest.approx({"lookup_order": 0.4, "none": 0.4, "chat": 0.2})
    shop.app.state.server.store.delete_traces("default", [trace_id(0)])
    assert ok(shop.get("/api/v1/codes/steps"))["traces_gone"] == 1


def test_a_queue_of_what_is_like_a_code_holds_what_nobody_labelled_yet(shop: TestClient) -> None:
    store = shop.app.state.server.store
    refunds = {20: "Can I have a refund after 60 days?", 21: "Refund after 60 days, can I have one?"}
    store.write([r for n, asked in refunds.items() for r in shop_trace(n, asked, "Your refund is granted.")])
    queue = queue_of(shop, filter="", limit=50)
    label(shop, queue, 20, text="Refund granted against the policy")
    code(shop, "Wrong refund", "Refund granted against the policy")
    number = codes(shop)["items"][0]["id"]
    like = ok(shop.post(f"/api/v1/codes/{number}/queue", json={"limit": 1}), 201)
    items = ok(shop.get(f"/api/v1/queues/{like['id']}"))["items"]
    assert [one["target"] for one in items] == [{"trace_id": trace_id(21), "span_id": span_id(21)}]
    assert items[0]["reason"].startswith("like one that was found, ")
    assert items[0]["p_incl"] is None
    assert like["rubric_id"] == queue["rubric_id"]
    assert (like["name"], like["unit"]) == ("More like Wrong refund", "span")
    same = ok(shop.post(f"/api/v1/codes/{number}/queue", json={"which": "same", "name": "Again"}), 201)
    assert [i["target"]["trace_id"] for i in ok(shop.get(f"/api/v1/queues/{same['id']}"))["items"]] == [trace_id(20)]
    nothing = shop.post(f"/api/v1/codes/{number}/queue", json={"filter": "name:nowhere"})
    assert nothing.status_code == 400
    assert "Widen the filter" in nothing.json()["error"]["hint"]
    empty = ok(shop.post("/api/v1/codes", json={"name": "Unused"}), 201)
    assert shop.post(f"/api/v1/codes/{empty['id']}/queue", json={}).status_code == 400


def test_an_empty_project_has_no_codes_and_no_error(client: TestClient) -> None:
    assert codes(client)["items"] == []
    assert codes(client)["saturation"]["says"] == "Nothing is coded yet."
    assert ok(client.get("/api/v1/codes/groups"))["items"] == []
    assert ok(client.get("/api/v1/codes/steps"))["transitions"] == []
    assert ok(client.get("/api/v1/codes/events"))["items"] == []
    assert client.get("/api/v1/codes/export?format=jsonl").text == ""


def test_openapi_names_what_codes_take(client: TestClient) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    assert {"get", "post"} <= paths["/api/v1/codes"].keys()
    for path in ("critiques/code", "groups", "steps", "events", "undo", "export", "{code_id}/merge", "{code_id}/queue"):
        assert f"/api/v1/codes/{path}" in paths
