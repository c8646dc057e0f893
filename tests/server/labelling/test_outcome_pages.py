"""Several people over HTTP: names, leases, agreement, settling, and the page of every act."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from shop_traces import MODEL, START_NS, shop_trace, span_id, trace_id
from spanwise_server.jobs.label_rules import fill_queues
from spanwise_server.record import Annotation, Annotator

KEYS = (f"page-key-{n:06d}" for n in itertools.count())


@pytest.fixture
def shop(client: TestClient) -> TestClient:
    client.app.state.server.store.write([record for n in range(6) for record in shop_trace(n)])
    return client


def post(client: TestClient, url: str, **fields: Any):
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/label").text)
    assert found is not None
    return client.post(url, data={"csrf_token": found[1], "key": next(KEYS), **fields})


def made(client: TestClient, **asked: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/queues", json={"name": "Orders", **asked})
    assert answer.status_code == 201, answer.text
    return answer.json()


def items(client: TestClient, queue: dict[str, Any]) -> list[dict[str, Any]]:
    return client.get(f"/api/v1/queues/{queue['id']}").json()["items"]


def give(client: TestClient, queue: dict[str, Any], at: int, who: str, label: str, **more: Any) -> dict[str, Any]:
    item = items(client, queue)[at]
    path = f"/api/v1/queues/{queue['id']}/items/{item['id']}/label"
    answer = client.post(path, json={"annotator": who, "label": label, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def as_(client: TestClient, who: str) -> None:
    post(client, "/label/name", name=who, back="/label")


def test_a_queue_of_several_asks_for_a_name_first_and_keeps_it_with_the_labels(shop: TestClient) -> None:
    queue = made(shop, people={"overlap": 2})
    assert "Who are you?" in shop.get(f"/label/{queue['id']}").text
    assert post(shop, "/label/name", name=" Ana  B. ", back=f"/label/{queue['id']}").headers["location"] == (
        f"/label/{queue['id']}"
    )
    page = shop.get(f"/label/{queue['id']}").text
    assert "Where is my order 5?" in page
    item = items(shop, queue)[0]["id"]
    post(shop, f"/label/{queue['id']}/items/{item}", a0="pass", version="1")
    events = shop.get(f"/api/v1/queues/{queue['id']}/events").json()["items"]
    assert [(e["annotator_id"], e["action"], e["blind"]) for e in events] == [("Ana B.", "set", True)]


def test_a_queue_for_named_people_is_theirs(shop: TestClient) -> None:
    queue = made(shop, people={"names": ["ana", "bo"]})
    as_(shop, "cy")
    assert "This queue is for ana, bo." in shop.get(f"/label/{queue['id']}").text
    as_(shop, "bo")
    assert "Where is my order 5?" in shop.get(f"/label/{queue['id']}").text


def test_a_name_goes_only_to_pages_of_labelling(shop: TestClient) -> None:
    assert post(shop, "/label/name", name="x", back="https://elsewhere.example/").headers["location"] == "/label"


def test_two_people_are_shown_different_items(shop: TestClient) -> None:
    queue = made(shop)
    as_(shop, "ana")
    first = re.findall(r"Where is my order (\d)\?", shop.get(f"/label/{queue['id']}").text)
    as_(shop, "bo")
    second = re.findall(r"Where is my order (\d)\?", shop.get(f"/label/{queue['id']}").text)
    assert set(first) & set(second) == set()


def test_what_others_said_is_shown_only_after_ones_own_label_and_marks_what_follows(shop: TestClient) -> None:
    shop.app.state.server.store.annotate(
        [
            Annotation(
                "j", "default", "judge", trace_id(5), span_id(5), label="fail", explanation="judge-says-no",
                annotator=Annotator("llm", "gpt-judge"),
            )
        ]
    )  # fmt: skip
    queue = made(shop, people={"overlap": 2})
    give(shop, queue, 0, "bo", "fail", explanation="bo-says-late")
    as_(shop, "ana")
    item = items(shop, queue)[0]["id"]
    here = f"/label/{queue['id']}"
    for hidden in ("judge-says-no", "bo-says-late"):
        assert hidden not in shop.get(f"{here}?item={item}").text
    assert post(shop, f"{here}/items/{item}/reveal").status_code == 403
    post(shop, f"{here}/items/{item}", a0="pass", version="1")
    assert "bo-says-late" not in shop.get(f"{here}?item={item}").text
    alone = items(shop, queue)[1]["id"]
    give(shop, queue, 1, "ana", "pass")
    assert post(shop, f"{here}/items/{alone}/reveal").status_code == 409, "there is nothing to see yet"
    shop.post(f"/api/v1/queues/{queue['id']}/undo", json={"annotator": "ana"})
    post(shop, f"{here}/items/{item}/reveal")
    page = shop.get(f"{here}?item={item}").text
    assert "bo-says-late" in page
    assert "judge-says-no" in page
    post(shop, f"{here}/items/{item}", a0="fail", version="1")
    events = shop.get(f"/api/v1/queues/{queue['id']}/events").json()["items"]
    assert [(e["annotator_id"], e["action"], e["revealed"]) for e in events if e["item_id"] == item] == [
        ("ana", "set", True), ("ana", "reveal", None), ("ana", "set", False), ("bo", "set", False),
    ]  # fmt: skip
    found = shop.get(f"/api/v1/queues/{queue['id']}/agreement").json()
    assert found["questions"][0]["percent"]["value"] == 0.0, "what was said blind counts"
    assert found["disagreements"] == [], "what stands is agreed"


def test_suggestions_are_shown_where_the_queue_is_assisted_and_labels_say_so(shop: TestClient) -> None:
    shop.app.state.server.store.annotate(
        [Annotation("j", "default", "judge", trace_id(5), span_id(5), label="fail", annotator=Annotator("llm", "jay"))]
    )
    queue = made(shop, assisted=True)
    assert "jay</b> suggests judge" in shop.get(f"/label/{queue['id']}").text
    give(shop, queue, 0, "ana", "pass")
    (label,) = [
        a for a in shop.app.state.server.store.annotations("default", [trace_id(5)])[trace_id(5)] if a.id != "j"
    ]
    assert label.metadata is not None
    assert label.metadata["assisted"] is True


def test_open_eyes_show_what_made_the_answer(shop: TestClient) -> None:
    assert f"Model {MODEL}" in shop.get(f"/label/{made(shop, blind=False)['id']}").text
    assert MODEL not in shop.get(f"/label/{made(shop)['id']}").text


def test_agreement_is_hidden_from_whoever_still_labels_and_shown_when_they_insist(shop: TestClient) -> None:
    queue = made(shop, people={"overlap": 2})
    for at, (one, other) in enumerate([("pass", "pass"), ("pass", "fail"), ("fail", "fail")]):
        give(shop, queue, at, "ana", one)
        give(shop, queue, at, "bo", other, explanation="bo-wrote")
    as_(shop, "cy")
    page = f"/label/{queue['id']}/agreement"
    assert "still want your own label" in shop.get(page).text
    assert "bo-wrote" not in shop.get(page).text
    shown = shop.get(f"{page}?show=1").text
    assert "ana and bo" in shown
    assert "bo-wrote" in shown
    assert "67 %" in shown
    assert "bo-wrote" not in shop.get(f"/label/{queue['id']}/events").text


def test_a_disagreement_is_settled_with_its_reason_and_the_settlement_is_a_label_of_its_own(shop: TestClient) -> None:
    queue = made(shop, limit=1, people={"overlap": 2})
    give(shop, queue, 0, "ana", "pass")
    give(shop, queue, 0, "bo", "fail", explanation="late")
    item = items(shop, queue)[0]["id"]
    as_(shop, "ana")
    settle = f"/label/{queue['id']}/settle/{item}"
    assert "late" in shop.get(settle).text
    assert post(shop, settle, a0="fail", version="1").status_code == 400
    answer = post(shop, settle, a0="fail", w0="it is late", version="1", reason="guideline_gap", note="say when")
    assert answer.headers["location"] == f"/label/{queue['id']}/agreement?show=1"
    (found,) = shop.get(f"/api/v1/queues/{queue['id']}/agreement").json()["disagreements"]
    assert found["settled"] == "guideline_gap"
    labels = shop.app.state.server.store.annotations("default", [trace_id(5)])[trace_id(5)]
    assert [(a.annotator.id, a.label) for a in labels] == [("ana", "pass"), ("bo", "fail"), ("ana", "fail")]
    assert labels[2].metadata is not None
    assert labels[2].metadata["settled"] == "guideline_gap: say when"
    assert "The rubric does not say" in shop.get(f"/label/{queue['id']}/agreement").text
    assert "settled" in shop.get(f"/label/{queue['id']}/events").text


def test_every_act_has_its_line_undo_too(shop: TestClient) -> None:
    queue = made(shop)
    give(shop, queue, 0, "ana", "fail", explanation="because", ms_on_item=4_000)
    shop.post(f"/api/v1/queues/{queue['id']}/undo", json={"annotator": "ana"})
    page = shop.get(f"/label/{queue['id']}/events?who=ana").text
    assert "took back" in page
    assert "because" in page or "hidden" in page
    assert len(shop.get(f"/api/v1/queues/{queue['id']}/events").json()["items"]) == 2


def test_a_random_queue_gives_a_rate_and_a_picked_one_says_why_not(shop: TestClient) -> None:
    by_chance, picked = made(shop, recipe="random", limit=4), made(shop, recipe="slow", limit=4)
    for queue in (by_chance, picked):
        for at in range(4):
            give(shop, queue, at, "ana", "pass")
    found = shop.get(f"/api/v1/queues/{by_chance['id']}/agreement").json()
    assert [(r["answer"], r["share"]) for r in found["rates"]] == [("pass", 1.0)]
    assert found["rates"][0]["low"] > 0.4
    assert "not by chance" in shop.get(f"/api/v1/queues/{picked['id']}/agreement").json()["refused"]
    assert "not by chance" in shop.get(f"/label/{picked['id']}/agreement").text
    for item in items(shop, by_chance):
        assert (item["reason"], item["p_incl"]) == ("at random", 4 / 6)


def test_a_sample_grows_around_the_one_that_was_there(shop: TestClient) -> None:
    queue = made(shop, recipe="random", limit=2)
    few = [item["target"] for item in items(shop, queue)]
    answer = shop.post(f"/api/v1/queues/{queue['id']}/extend", json={"limit": 5})
    assert answer.json()["added"] == 3
    more = items(shop, queue)
    assert [item["target"] for item in more[:2]] == few
    assert {item["p_incl"] for item in more} == {5 / 6}
    post(shop, f"/label/{queue['id']}/extend", limit="6")
    assert len(items(shop, queue)) == 6


@pytest.mark.parametrize(("unit", "count"), [("trace", 6), ("session", 3)])
def test_traces_and_sessions_are_asked_about_as_a_whole(shop: TestClient, unit: str, count: int) -> None:
    queue = made(shop, unit=unit, recipe="random")
    found = items(shop, queue)
    assert len(found) == count
    page = shop.get(f"/label/{queue['id']}").text
    assert "Where is my order" in page
    label = give(shop, queue, 0, "ana", "pass")
    target = found[0]["target"]
    assert target["span_id"] is None
    stands = shop.app.state.server.store.annotations("default", [target["trace_id"]])[target["trace_id"]]
    assert [(a.span_id, a.id) for a in stands] == [(None, label["item"]["annotation_id"])]
    if unit == "session":
        assert stands[0].metadata is not None
        assert stands[0].metadata["session_id"] == target["session_id"]
        assert len(re.findall(r"Where is my order \d\?", page.partition('id="ahead"')[0])) == 2


def test_pairs_are_asked_side_by_side_and_the_answer_is_kept_by_what_it_was(client: TestClient) -> None:
    store = client.app.state.server.store
    store.write(
        [r for n in range(8) for r in shop_trace(n, question=f"Where is order {n % 4}?", answer=f"Answer {n}.")]
    )
    rubric = client.post(
        "/api/v1/rubrics", json={"questions": [{"name": "better", "kind": "pairwise", "text": "Which is better?"}]}
    ).json()
    queue = made(client, rubric_id=rubric["id"], recipe="random")
    found = items(client, queue)
    assert len(found) == 4
    shown = client.get(f"/label/{queue['id']}").text.partition('id="ahead"')[0]
    first, second = re.findall(r"Answer (\d)\.", shown)[:2]
    post(client, f"/label/{queue['id']}/items/{found[0]['id']}", a0="a", version="1")
    better = int(first) == int(found[0]["target"]["trace_id"], 16)
    (label,) = store.annotations("default", [found[0]["target"]["trace_id"]])[found[0]["target"]["trace_id"]]
    assert label.label == ("better" if better else "worse")
    assert label.metadata is not None
    assert int(label.metadata["pair"]["other"].partition("/")[0], 16) in {int(first), int(second)}
    sides = [item for item in found if label]
    assert len(sides) == 4


def test_a_rule_takes_new_traces_that_match_by_chance_and_each_once(shop: TestClient) -> None:
    store = shop.app.state.server.store
    queue = made(shop, filter="name:answer_question", limit=0, rule={"share": 0.5})
    since = queue["rule"]["since_ns"]
    first = (since - START_NS) // 1_000_000_000 + 1
    hour = 3_600_000_000_000
    assert fill_queues(store, now_ns=since + hour) == 0, "what was there before is not new"
    store.write([record for n in range(first, first + 40) for record in shop_trace(n)])
    assert store.wait_until_searchable()
    added = fill_queues(store, now_ns=since + hour)
    assert 8 < added < 32
    assert fill_queues(store, now_ns=since + 2 * hour) == 0
    assert {(item["reason"], item["p_incl"]) for item in items(shop, queue)} == {("new, 50% of those that match", 0.5)}
    store.write([record for n in range(first + 40, first + 50) for record in shop_trace(n)])
    late = fill_queues(store, now_ns=since + hour + 1)
    assert len(items(shop, queue)) == added + late
    post(shop, f"/label/{queue['id']}/rule")
    assert shop.get(f"/api/v1/queues/{queue['id']}").json()["rule"] is None
    assert fill_queues(store, now_ns=since + 3 * hour) == 0
