"""What is chosen in lists of traces and sessions, or in a trace, goes into a new queue or one that there is."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.errors import SpanwiseError
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.queue import NewQueue, Target
from spanwise_server.labelling.rubric import rubric_of
from spanwise_server.store.rubrics import Rubrics

LISTS = ("/traces?range=all", "/sessions?range=all", f"/traces/{trace_id(1)}", "/sessions/one?id=s_1")


@pytest.fixture
def shop(client: TestClient) -> TestClient:
    client.app.state.server.store.write([record for n in range(6) for record in shop_trace(n)])
    return client


@pytest.fixture
def desk(shop: TestClient) -> Desk:
    return Desk(shop.app.state.server.store)


def send(client: TestClient, path: str, **fields: object):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/label").text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **fields}, headers={"hx-request": "true"})


def held(desk: Desk, queue_id: int) -> list[Target]:
    return [item.target for item in desk.queues.items(queue_id)]


def test_every_list_offers_the_queues_there_are(shop: TestClient, desk: Desk) -> None:
    desk.queues.create("default", NewQueue("Of spans"), [])
    desk.queues.create("default", NewQueue("Of sessions", unit="session"), [])
    for path in LISTS:
        page = shop.get(path).text
        assert "Of sessions</option>" in page, path
        assert ("Of spans</option>" in page) == path.startswith("/traces"), path
    in_span = shop.get(f"/traces/{trace_id(1)}?span={span_id(1, 3)}&tab=labels").text
    assert 'action="/label/from-span"' in in_span


def test_a_new_queue_is_opened_and_asks_about_what_was_said(shop: TestClient, desk: Desk) -> None:
    ticked = {"trace_id": [trace_id(0), trace_id(3)]}
    assert send(shop, "/label/from-traces", **ticked).json() == {"goto": "/label/1"}
    assert held(desk, 1) == [Target(trace_id(n), span_id(n)) for n in (0, 3)]
    send(shop, "/label/from-traces", **ticked, unit="trace")
    assert held(desk, 2) == [Target(trace_id(n)) for n in (0, 3)]
    send(shop, "/label/from-traces", **ticked, unit="session")  # both are of one
    assert held(desk, 3) == [Target(trace_id(3), "", "s_0")]
    send(shop, "/label/from-sessions", session_id="s_1")
    assert held(desk, 4) == [Target(trace_id(4), "", "s_1")]
    send(shop, "/label/from-filter", range="all", unit="session")
    assert len(held(desk, 5)) == 3


def test_what_is_added_to_a_queue_becomes_what_it_asks_about_and_is_there_once(shop: TestClient, desk: Desk) -> None:
    of_spans = desk.queues.create("default", NewQueue("Spans"), [Target(trace_id(0), span_id(0))])
    said = send(shop, "/label/from-traces", queue_id=of_spans.id, trace_id=[trace_id(0), trace_id(1)]).json()
    assert said == {"text": "1 item added to Spans", "link": {"text": "Open", "href": f"/label/{of_spans.id}"}}
    assert send(shop, "/label/from-traces", queue_id=of_spans.id, trace_id=trace_id(1)).json()["text"] == (
        "Spans has all of it already"
    )
    send(shop, "/label/from-span", queue_id=of_spans.id, trace_id=trace_id(2), span_id=span_id(2, 3))
    assert held(desk, of_spans.id)[-1] == Target(trace_id(2), span_id(2, 3))
    of_traces = desk.queues.create("default", NewQueue("Traces", unit="trace"), [])
    send(shop, "/label/from-span", queue_id=of_traces.id, trace_id=trace_id(2), span_id=span_id(2, 3))
    assert held(desk, of_traces.id) == [Target(trace_id(2))]
    of_sessions = desk.queues.create("default", NewQueue("Talks", unit="session"), [])
    send(shop, "/label/from-sessions", queue_id=of_sessions.id, session_id=["s_2"])
    assert held(desk, of_sessions.id) == [Target(trace_id(5), "", "s_2")]


def test_a_whole_filter_is_added_without_a_say_in_the_rates_of_another_sample(shop: TestClient, desk: Desk) -> None:
    send(shop, "/label/from-filter", range="all", filter="session:s_0", recipe="random")
    assert [item.p_incl for item in desk.queues.items(1)] == [1.0, 1.0]
    said = send(shop, "/label/from-filter", queue_id=1, range="all", filter="session:s_1", order="random").json()
    assert said["text"] == "2 items added to session:s_0, random"
    added = desk.queues.items(1)[2:]
    assert [(item.reason, item.p_incl) for item in added] == [("at random, of session:s_1", None)] * 2
    nothing = send(shop, "/label/from-filter", queue_id=1, range="all", filter="session:nobody")
    assert (nothing.status_code, "finds nothing to label" in nothing.text) == (400, True)


def test_pairs_other_units_and_other_projects_are_refused_with_the_reason(shop: TestClient, desk: Desk) -> None:
    store = shop.app.state.server.store
    asks = rubric_of([{"name": "better", "kind": "pairwise", "text": "Which?"}], name="Pairs")
    pairs = Rubrics(store).create("default", asks)
    queue = desk.queues.create("default", NewQueue("Pairs", rubric_id=pairs.id), [])
    for path, chosen in (
        ("/label/from-traces", {"trace_id": trace_id(1)}),
        ("/label/from-filter", {"range": "all"}),
        ("/label/from-span", {"trace_id": trace_id(1), "span_id": span_id(1)}),
    ):
        assert "compares pairs" in send(shop, path, queue_id=queue.id, **chosen).text
    spans = desk.queues.create("default", NewQueue("Spans"), [])
    with pytest.raises(SpanwiseError, match="Spans asks about"):
        desk.add_sessions(spans, ["s_1"])
    elsewhere = desk.queues.create("other", NewQueue("Elsewhere"), [])
    assert send(shop, "/label/from-traces", queue_id=elsewhere.id, trace_id=trace_id(1)).status_code == 409
