from __future__ import annotations

import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from shop_traces import MODEL, failed, shop_trace, span_id, trace_id
from spanwise_server.record import Annotation

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> [click](javascript:alert(3)) **bold**"


@pytest.fixture
def shop(client: TestClient) -> TestClient:
    client.app.state.server.store.write([record for n in range(4) for record in shop_trace(n)])
    return client


def post(client: TestClient, url: str, *, token_from: str = "/label", **fields: Any):
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(token_from).text)
    assert found is not None
    return client.post(url, data={"csrf_token": found[1], **fields})


def new_queue(client: TestClient, **fields: Any) -> str:
    answer = post(client, "/label/from-filter", range="all", **fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def item_of(page: str) -> str:
    found = re.search(r'id="desk" data-item="(\d+)"', page)
    assert found is not None
    return found[1]


def labels(client: TestClient, n: int) -> tuple[Annotation, ...]:
    return client.app.state.server.store.annotations("default", [trace_id(n)]).get(trace_id(n), ())


def save(client: TestClient, queue: str, item: str, key: str = "a-key-000", **fields: Any):
    names = {"verdict": "a0", "critique": "w0", "expected": "a1"}
    sent = {names.get(name, name): value for name, value in fields.items()}
    return post(client, f"{queue}/items/{item}", key=key, **sent)


def test_without_a_queue_the_page_says_what_one_is_and_makes_one(shop: TestClient) -> None:
    page = shop.get("/label").text
    assert "Nothing waits for a verdict" in page
    assert 'action="/label/from-filter"' in page


def test_the_whole_queue_is_labelled_without_a_script(shop: TestClient) -> None:
    queue = new_queue(shop)
    for n, verdict in ((3, "pass"), (2, "fail"), (1, "pass"), (0, "pass")):
        page = shop.get(queue).text
        assert f"Where is my order {n}?" in page
        answer = save(shop, queue, item_of(page), key=f"key-of-{n}", verdict=verdict, critique="because")
        assert answer.status_code == 303
    page = shop.get(queue).text
    assert "4 of 4 items labelled" in page
    assert "3 pass, 1 fail" in page
    assert [label.label for label in labels(shop, 2)] == ["fail"]


def test_the_next_two_items_are_in_the_page_already(shop: TestClient) -> None:
    page = shop.get(new_queue(shop)).text
    templates = re.findall(r'<template data-item="\d+">(.*?)</template>', page, re.DOTALL)
    assert ["Where is my order 2?" in templates[0], "Where is my order 1?" in templates[1]] == [True, True]
    assert len(templates) == 2


def test_while_blind_model_prompt_and_other_labels_are_nowhere_in_the_page(shop: TestClient) -> None:
    queue = new_queue(shop)
    store = shop.app.state.server.store
    store.annotate(
        [Annotation("x", "default", "judge", trace_id(3), span_id(3), label="fail", explanation="judge-says-no")]
    )
    page = shop.get(queue).text
    for hidden in (MODEL, "support-secret", "judge-says-no"):
        assert hidden not in page


def test_the_conversation_the_passages_and_the_steps_are_there(shop: TestClient) -> None:
    page = shop.get(new_queue(shop)).text
    for shown in (
        "Hello, how can I help?",
        "Parcels arrive in two days.",
        "0.91",
        "lookup_order",
        "You are the assistant of a shop.",
    ):
        assert shown in page


def test_hostile_output_is_text(client: TestClient) -> None:
    client.app.state.server.store.write(shop_trace(1, question=HOSTILE, answer=HOSTILE))
    page = client.get(new_queue(client)).text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert 'href="javascript:' not in page
    assert "<strong>bold</strong>" in page


def test_a_failed_call_says_why(client: TestClient) -> None:
    client.app.state.server.store.write(failed(shop_trace(1), "429 Too Many Requests"))
    assert "429 Too Many Requests" in client.get(new_queue(client)).text


def test_a_form_sent_twice_is_one_label(shop: TestClient) -> None:
    queue = new_queue(shop)
    item = item_of(shop.get(queue).text)
    first = save(shop, queue, item, verdict="pass")
    again = save(shop, queue, item, verdict="pass")
    assert (first.status_code, again.status_code) == (303, 303)
    assert len(labels(shop, 3)) == 1


def test_a_script_gets_the_pace_and_nothing_more(shop: TestClient) -> None:
    queue = new_queue(shop)
    page = shop.get(queue).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    answer = shop.post(
        f"{queue}/items/{item_of(page)}", data={"key": "some-key", "a0": "pass"},
        headers={"HX-Request": "true", "HX-Target": "pace", "x-csrf-token": found[1]},
    )  # fmt: skip
    assert answer.status_code == 200
    assert "1 of 4" in answer.text
    assert "<html" not in answer.text
    assert "<form" not in answer.text


def test_undo_shows_the_item_again_undecided(shop: TestClient) -> None:
    queue = new_queue(shop)
    item = item_of(shop.get(queue).text)
    save(shop, queue, item, verdict="fail", critique="no")
    answer = post(shop, f"{queue}/undo", key="undo-key-1")
    assert answer.headers["location"] == f"{queue}?item={item}"
    assert labels(shop, 3) == ()
    assert "checked" not in shop.get(answer.headers["location"]).text


def test_a_done_item_shows_what_was_decided(shop: TestClient) -> None:
    queue = new_queue(shop)
    item = item_of(shop.get(queue).text)
    save(shop, queue, item, verdict="fail", critique="too late", expected="It arrives today.")
    page = shop.get(f"{queue}?item={item}").text
    assert re.search(r'value="fail"[^>]* checked>', page)
    assert "too late" in page
    assert "It arrives today.</textarea>" in page


def test_deferred_items_come_back_at_the_end(shop: TestClient) -> None:
    queue = new_queue(shop, limit=2)
    first = item_of(shop.get(queue).text)
    save(shop, queue, first, key="defer-1st", defer="1")
    save(shop, queue, item_of(shop.get(queue).text), key="pass-2nd0", verdict="pass")
    page = shop.get(queue).text
    assert "Label the 1 deferred" in page
    assert f"{queue}?item={first}" in page


def test_nothing_said_is_refused_with_a_sentence(shop: TestClient) -> None:
    queue = new_queue(shop)
    answer = save(shop, queue, item_of(shop.get(queue).text))
    assert answer.status_code == 422
    assert "This judgement says nothing." in answer.text


def test_a_post_without_the_token_is_refused(shop: TestClient) -> None:
    queue = new_queue(shop)
    item = item_of(shop.get(queue).text)
    assert shop.post(f"{queue}/items/{item}", data={"key": "some-key", "a0": "pass"}).status_code == 403
    assert labels(shop, 3) == ()


def test_an_item_whose_trace_was_deleted_is_passed_over(shop: TestClient) -> None:
    queue = new_queue(shop)
    shop.app.state.server.store.delete_trace("default", trace_id(3))
    answer = shop.get(queue)
    assert answer.status_code == 303
    page = shop.get(answer.headers["location"]).text
    assert "Where is my order 2?" in page
    assert "0 of 3" in page


def test_a_queue_is_made_of_ticked_traces_and_of_one_span(shop: TestClient) -> None:
    ticked = post(shop, "/label/from-traces", trace_id=[trace_id(0), trace_id(2)]).headers["location"]
    assert "0 of 2" in shop.get(ticked).text
    one = post(shop, "/label/from-span", trace_id=trace_id(1), span_id=span_id(1, 3)).headers["location"]
    assert "0 of 1" in shop.get(one).text


def test_a_wrong_filter_makes_no_queue_and_says_what_is_wrong(shop: TestClient) -> None:
    answer = post(shop, "/label/from-filter", filter="modle:x")
    assert answer.status_code == 400
    assert "modle" in answer.text


def test_a_queue_of_another_project_goes_to_its_own_address(client: TestClient) -> None:
    client.app.state.server.store.write(shop_trace(1, project="shop"))
    queue = post(client, "/label/from-filter?project=shop", range="all").headers["location"]
    assert queue == "/label/1?project=shop"
    assert client.get("/label/1").headers["location"] == queue


def test_a_queue_is_renamed_and_deleted_and_its_labels_stay(shop: TestClient) -> None:
    queue = new_queue(shop)
    save(shop, queue, item_of(shop.get(queue).text), verdict="pass")
    post(shop, f"{queue}/rename", name="Refunds", question="Right?")
    page = shop.get("/label").text
    assert "Refunds" in page
    assert "The list of 4 items goes; 1 label given in it stays." in page
    assert post(shop, f"{queue}/delete").status_code == 303
    assert shop.get(queue).status_code == 404
    assert len(labels(shop, 3)) == 1


def test_a_span_is_labelled_where_it_is_read_and_the_label_removed(shop: TestClient) -> None:
    fields = {"trace_id": trace_id(1), "span_id": span_id(1)}
    answer = post(shop, "/annotate", key="annotate-1", verdict="fail", critique="late", **fields)
    assert answer.status_code == 303
    page = shop.get(answer.headers["location"]).text
    assert "late" in page
    assert re.search(r'value="fail"[^>]* checked>', page)
    (label,) = labels(shop, 1)
    assert (label.source, label.annotator.kind) == ("viewer", "human")
    post(shop, "/annotate/remove", key="remove-01", annotation_id=label.id, **fields)
    assert labels(shop, 1) == ()


def test_removing_a_label_offers_to_bring_it_back(shop: TestClient) -> None:
    fields = {"trace_id": trace_id(1), "span_id": span_id(1)}
    post(shop, "/annotate", key="annotate-1", verdict="pass", **fields)
    (before,) = labels(shop, 1)
    found = re.search(r'name="csrf_token" value="([^"]+)"', shop.get("/label").text)
    assert found is not None
    headers = {"HX-Request": "true", "HX-Target": "annotations", "x-csrf-token": found[1]}
    answer = shop.post(
        "/annotate/remove", data={"key": "remove-01", "annotation_id": before.id, **fields}, headers=headers
    )
    undo = json.loads(answer.headers["hx-trigger"])["toast"]["undo"]
    assert shop.post(undo, headers=headers).status_code == 204
    assert labels(shop, 1) == (before,)
