"""The codes page as forms, without any script: coding, changing codes, groups, undo, blind labelling, steps."""

from __future__ import annotations

import itertools
import json
import re
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.labelling.codes_steps import Cell
from spanwise_server.pages.codes_view import curve, shade, state_of
from spanwise_server.pages.format import Clock, zone
from spanwise_server.record import Annotation, Annotator

KEYS = (f"codes-page-{n:06d}" for n in itertools.count())
SAID = [
    "Refund promised although the policy says 30 days",
    "promises a refund after the 30 day window, policy says no",
    "Tone is rude to the customer",
    "too rude, customer will be upset",
    "Leaks an internal ticket id",
]


def critique(n: int, text: str, **more: Any) -> Annotation:
    said = {"label": "fail", "annotator": Annotator("human", "local"), "explanation": text, "created_ns": n, **more}
    return Annotation(f"crit{n}", "default", "correct", trace_id(n), span_id(n), updated_ns=n, **said)


@pytest.fixture
def shop(client: TestClient) -> TestClient:
    store = client.app.state.server.store
    store.write([record for n in range(8) for record in shop_trace(n)])
    store.annotate([critique(n, text) for n, text in enumerate(SAID)])
    return client


def page(client: TestClient, query: str = "", path: str = "/label/codes") -> str:
    answer = client.get(path + query)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def send(client: TestClient, do: str, *numbers: int, query: str = "", path: str = "/label/codes/act", **fields: Any):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/label").text)
    assert token is not None
    sent = {"csrf_token": token[1], "key": next(KEYS), "do": do, "id": [f"crit{n}" for n in numbers], **fields}
    return client.post(path + query, data=sent)


def done(answer: Any, to: str = "/label/codes") -> None:
    assert (answer.status_code, answer.headers.get("location")) == (303, to), answer.text


def rows(text: str) -> list[str]:
    return [said for said in SAID if f">{said}</label>" in text]


def codes(client: TestClient) -> dict[str, int]:
    return {one["name"]: one["critiques"] for one in client.get("/api/v1/codes").json()["items"]}


def number(client: TestClient, name: str) -> int:
    return next(one["id"] for one in client.get("/api/v1/codes").json()["items"] if one["name"] == name)


def test_a_project_without_critiques_says_what_to_do(client: TestClient) -> None:
    assert "Nobody wrote a critique yet" in page(client)
    assert "Nobody named a first bad step" in page(client, path="/label/codes/steps")
    assert "Nothing was coded yet" in page(client, path="/label/codes/history")
    assert 'href="/label/codes"' in page(client, path="/label")


def test_all_critiques_are_in_one_list_and_coded_by_a_form(shop: TestClient) -> None:
    assert rows(page(shop)) == SAID
    done(send(shop, "code", 0, 1, name="Wrong refund"))
    text = page(shop)
    assert rows(text) == SAID[2:], "what is coded leaves the list of what is to be coded"
    assert "Last: coded 2 critiques “Wrong refund”" in text
    refund = number(shop, "Wrong refund")
    assert rows(page(shop, f"?view={refund}")) == SAID[:2]
    done(send(shop, f"code:{refund}", 2))
    done(send(shop, f"uncode:{refund}:crit2", query="?view=all"), "/label/codes?view=all")
    done(send(shop, "aside", 3))
    assert codes(shop) == {"Wrong refund": 2}
    assert rows(page(shop, "?view=aside")) == [SAID[3]]
    assert rows(page(shop, "?view=all")) == SAID
    assert rows(page(shop)) == [SAID[2], SAID[4]]
    done(send(shop, "aside", 2, 4))
    assert "Every critique has a code" in page(shop)


def test_a_code_is_renamed_merged_split_and_deleted_from_its_page(shop: TestClient) -> None:
    done(send(shop, "code", 0, 1, 2, name="Wrong"))
    wrong = number(shop, "Wrong")
    here = f"/label/codes?view={wrong}"
    done(send(shop, f"split:{wrong}", 2, query=f"?view={wrong}", name="Rude"), here)
    done(send(shop, f"rename:{wrong}", query=f"?view={wrong}", name="Wrong refund", description="Not 30 days."), here)
    text = page(shop, f"?view={wrong}")
    assert "Not 30 days." in text
    assert "Queue of items like this" in text
    done(send(shop, "create", name="Tone"))
    rude, tone = number(shop, "Rude"), number(shop, "Tone")
    done(send(shop, f"merge:{rude}", query=f"?view={rude}", into=str(tone)), f"/label/codes?view={tone}")
    assert codes(shop) == {"Wrong refund": 2, "Tone": 1}
    gone = shop.get(f"/label/codes?view={rude}")
    assert gone.status_code == 404
    assert "merged" in gone.text
    done(send(shop, f"delete:{tone}", query=f"?view={tone}"), "/label/codes")
    assert shop.get(f"/label/codes?view={tone}").status_code == 404
    assert shop.get("/label/codes?view=99").status_code == 404


def test_every_act_is_in_the_history_and_can_be_undone_there_or_one_after_another(shop: TestClient) -> None:
    done(send(shop, "code", 0, name="Wrong refund"))
    done(send(shop, "code", 2, 3, name="Rude"))
    history = page(shop, path="/label/codes/history")
    assert re.findall(r"<td>(coded [^<]+)</td>", history) == [
        "coded 2 critiques “Rude”",
        "coded 1 critique “Wrong refund”",
    ]
    first = re.findall(r"/label/codes/undo/(\d+)", history)[-1]
    done(send(shop, "", path=f"/label/codes/undo/{first}", back="history"), "/label/codes/history")
    assert codes(shop) == {"Rude": 2}
    assert "undone" in page(shop, path="/label/codes/history")
    done(send(shop, "", path="/label/codes/undo"))
    assert codes(shop) == {}
    assert "Last:" not in page(shop)
    done(send(shop, "", path="/label/codes/undo"))
    assert len(re.findall("<tr><td", page(shop, "?critique=crit0", path="/label/codes/history"))) == 2
    assert len(re.findall("<tr><td", page(shop, "?who=local", path="/label/codes/history"))) == 4


def test_a_fragment_brings_the_list_and_a_toast_that_can_undo(shop: TestClient) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', shop.get("/label").text)
    assert token is not None
    headers = {"hx-request": "true", "hx-target": "#codes", "x-csrf-token": token[1]}
    sent = {"do": "code", "id": ["crit0"], "name": "Wrong “refund”", "key": next(KEYS)}
    answer = shop.post("/label/codes/act", data=sent, headers=headers)
    assert answer.status_code == 200
    assert "<main" not in answer.text
    assert rows(unescape(answer.text)) == SAID[1:]
    toast = json.loads(answer.headers["hx-trigger"])["toast"]
    assert toast["text"] == "Coded 1 critique “Wrong “refund””"
    undone = shop.post(toast["undo"], headers=headers)
    assert (undone.status_code, json.loads(undone.headers["hx-trigger"])) == (204, {"codes": {}})
    again = shop.post("/label/codes/undo", headers=headers, data={"key": next(KEYS)})
    assert rows(unescape(again.text)) == SAID


def test_a_refusal_leaves_the_page_as_it_is_and_says_why(shop: TestClient) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', shop.get("/label").text)
    assert token is not None
    headers = {"hx-request": "true", "hx-target": "#codes", "x-csrf-token": token[1]}
    nothing = shop.post("/label/codes/act", data={"do": "code", "name": "Rude"}, headers=headers)
    assert nothing.status_code == 200
    assert rows(unescape(nothing.text)) == SAID
    toast = json.loads(nothing.headers["hx-trigger"])["toast"]
    assert (toast["text"], toast["bad"]) == ("No critique was chosen. Tick at least one, then code it.", True)
    done(send(shop, "code", 0, name="Rude"))
    rude = number(shop, "Rude")
    shop.post("/api/v1/codes/critiques/code", json={"critiques": ["crit1"], "code_id": rude, "annotator": "bo"})
    for path, status in (("/label/codes/undo", 200), ("/label/codes/undo/1", 204)):
        answer = shop.post(path, data={"key": next(KEYS)}, headers=headers)
        assert answer.status_code == status
        assert "changed again since" in answer.headers["hx-trigger"]
    assert codes(shop) == {"Rude": 2}


@pytest.mark.parametrize(
    ("do", "fields", "status", "words"),
    [
        ("code", {"name": "Rude"}, 422, "No critique was chosen"),
        ("code", {"name": " ", "id": ["crit0"]}, 422, "has no name"),
        ("code", {"name": "Rude", "id": ["gone"]}, 404, "gone"),
        ("split:x", {"name": "Rude"}, 400, "names no code"),
        ("merge:1", {"into": ""}, 400, "which code"),
        ("explode", {}, 400, "nothing that can be done"),
    ],
)
def test_what_cannot_be_done_says_why(shop: TestClient, do: str, fields: Any, status: int, words: str) -> None:
    answer = send(shop, do, **fields)
    assert answer.status_code == status
    assert words in unescape(answer.text)


def test_groups_are_suggested_as_forms_that_are_ticked(shop: TestClient) -> None:
    text = page(shop, "?view=groups")
    groups = re.findall(r'<form class="card code-group".*?</form>', text, re.DOTALL)
    assert [rows(group) for group in groups] == [SAID[:2], SAID[2:4]]
    assert all(group.count(" checked") == 2 for group in groups)
    assert "1 critique reads like no other" in text
    done(send(shop, "code", 0, 1, query="?view=groups", name="Wrong refund"), "/label/codes?view=groups")
    done(send(shop, "code", 2, 3, 4, query="?view=groups", name="Others"), "/label/codes?view=groups")
    assert "No two critiques read alike" in page(shop, "?view=groups")


def test_a_page_of_many_goes_on(shop: TestClient) -> None:
    shop.app.state.server.store.annotate([critique(n, f"Critique number {n}") for n in range(10, 140)])
    first, second = page(shop, "?view=all"), page(shop, "?view=all&offset=100")
    assert "1 to 100 of 135" in first
    assert "101 to 135 of 135" in second
    assert "offset=100" in first


def test_the_list_narrows_to_a_queue_a_rubric_and_a_range(shop: TestClient) -> None:
    queue = shop.post("/api/v1/queues", json={"name": "Picked ones", "trace_ids": [trace_id(6)]}).json()
    item = shop.get(f"/api/v1/queues/{queue['id']}").json()["items"][0]["id"]
    label = {"annotator": "local", "label": "fail", "explanation": "Too late"}
    shop.post(f"/api/v1/queues/{queue['id']}/items/{item}/label", json=label)
    for query in (f"?queue={queue['id']}", f"?rubric={queue['rubric_id']}", "?range=24h"):
        text = page(shop, query)
        assert rows(text) == []
        assert "Too late" in text
    assert "Picked ones" in page(shop, f"?queue={queue['id']}")
    assert "not by chance" in page(shop, f"?queue={queue['id']}")
    assert "No critique here" in page(shop, "?from=2090-01-01T00:00")
    assert shop.get("/label/codes?queue=99").status_code == 404
    made = send(shop, "create", name="Late")
    assert made.status_code == 303


def test_what_others_wrote_is_hidden_from_whoever_still_labels_blind(shop: TestClient) -> None:
    queue = shop.post("/api/v1/queues", json={"name": "Two", "limit": 2, "people": {"overlap": 2}}).json()
    for item in shop.get(f"/api/v1/queues/{queue['id']}").json()["items"]:
        label = {"annotator": "bo", "label": "fail", "explanation": "bo wrote this"}
        shop.post(f"/api/v1/queues/{queue['id']}/items/{item['id']}/label", json=label)
    text = page(shop)
    assert "bo wrote this" not in text
    assert "2 critiques of others are hidden" in text
    assert "you still label blind" in text
    assert rows(text) == SAID, "one's own are shown"
    assert page(shop, "?show=1").count("bo wrote this</label>") == 2
    assert "You still label blind" in page(shop, path="/label/codes/steps")
    assert "Nobody named a first bad step" in page(shop, "?show=1", path="/label/codes/steps")


def test_a_queue_of_items_like_a_code_opens(shop: TestClient) -> None:
    done(send(shop, "code", 0, 1, name="Wrong refund"))
    code = str(number(shop, "Wrong refund"))
    made = send(shop, "", path="/label/codes/queue", code=code, which="like", limit="2")
    assert made.status_code == 303
    queue = shop.get("/api/v1/queues").json()["items"][0]
    assert made.headers["location"] == f"/label/{queue['id']}"
    assert (queue["name"], queue["progress"]["total"]) == ("More like Wrong refund", 2)
    items = shop.get(f"/api/v1/queues/{queue['id']}").json()["items"]
    assert {one["target"]["trace_id"] for one in items} <= {trace_id(n) for n in range(5, 8)}
    send(shop, "", path="/label/codes/queue", code=code, which="same")
    again = shop.get("/api/v1/queues").json()["items"][0]
    assert (again["name"], again["progress"]["total"]) == ("Coded Wrong refund", 2)


def test_the_matrix_of_steps_is_drawn_with_its_rates(shop: TestClient) -> None:
    questions = [
        {"name": "correct", "kind": "binary", "text": "Good?"},
        {"name": "step", "kind": "first_bad_step", "text": "Which step first?"},
    ]
    rubric = shop.post("/api/v1/rubrics", json={"name": "Steps", "questions": questions}).json()["id"]
    queue = shop.post("/api/v1/queues", json={"name": "q", "recipe": "random", "rubric_id": rubric}).json()["id"]
    for item in shop.get(f"/api/v1/queues/{queue}").json()["items"][:4]:
        n = int(item["target"]["trace_id"], 16)
        step = "none" if n % 2 else {"span_id": span_id(n, 2), "name": "lookup_order"}
        answers = {"correct": {"value": "fail"}, "step": {"value": step}}
        shop.post(f"/api/v1/queues/{queue}/items/{item['id']}/label", json={"annotator": "local", "answers": answers})
    text = page(shop, f"?queue={queue}", path="/label/codes/steps")
    matrix = re.search(r'<table class="matrix">.*?</table>', text, re.DOTALL)
    assert matrix is not None
    assert "lookup_order" in matrix[0]
    assert re.search(r"<b>\d</b> of 4", matrix[0])
    assert "95 % interval" in text
    assert "Failed with every step good" in text


def test_shades_and_curves_are_plain_numbers() -> None:
    assert [shade(Cell(10, bad)) for bad in (0, 1, 2, 5, 10)] == [0, 1, 1, 3, 5]
    assert curve([]) == curve([1]) == curve([0, 0]) == ""
    assert curve([1, 1, 1, 2]) == "0.0,24.0 160.0,24.0 240.0,2.0"


def test_the_url_holds_the_page_and_nonsense_falls_back() -> None:
    clock = Clock(1_795_000_000_000_000_000, zone("UTC"))
    asked = {"queue": "3", "view": "groups", "range": "7d", "show": "1", "offset": "100"}
    state = state_of("acme", asked, clock)
    assert state.link(offset=100) == "/label/codes?project=acme&queue=3&view=groups&range=7d&offset=100&show=1"
    assert state.link(view="all", queue=None, show=False, range="all") == "/label/codes?project=acme&view=all"
    odd = state_of("default", {"queue": "x", "view": "nowhere", "range": "ever", "offset": "-1"}, clock)
    assert odd.link() == "/label/codes"
    fixed = state_of("default", {"from": "2026-11-01T10:00", "to": "2026-11-02T10:00"}, clock)
    assert fixed.link() == "/label/codes?from=2026-11-01T10:00:00Z&to=2026-11-02T10:00:00Z"
