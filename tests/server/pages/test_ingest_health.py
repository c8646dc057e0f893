"""The page about ingest: counts, reasons, and the names and scopes of what was refused last."""

from __future__ import annotations

import pytest

from server.ingest.test_hostile_spans import request
from spanwise_server.errors import Overloaded
from spanwise_server.ingest.batch import BadSpan, Refusals
from spanwise_server.ingest.health import COMMIT_BOUNDS_S, MISHAPS, MISHAPS_ALIKE, Health
from spanwise_server.pages.ingest_health import bound

PROTOBUF = {"content-type": "application/x-protobuf"}


def post(client, body, **headers):
    return client.post("/v1/traces", content=body, headers={**PROTOBUF, **headers})


def page(client):
    answer = client.get("/settings/ingest")
    assert answer.status_code == 200
    return answer.text


def test_before_anything_was_refused_it_says_so(client):
    post(client, request({}).SerializeToString())
    html = page(client)
    assert "Nothing was refused" in html
    assert '<span class="name">Spans taken</span><div><span class="value">1</span>' in html


def test_what_was_refused_is_named_with_scope_and_reason(client):
    bad = request({}, {"name": "<b>odd</b>", "span_id": b""}, scope="shop.orders")
    post(client, bad.SerializeToString(), **{"x-spanwise-project": "shop"})
    post(client, b"\xff\xff")
    html = page(client)
    for said in ("&lt;b&gt;odd&lt;/b&gt;", "shop.orders", "shop</td>", "<code>bad_id</code>", "span id is empty",
                 "<code>bad_request</code>", "a whole request to /v1/traces"):  # fmt: skip
        assert said in html
    assert "<b>odd" not in html


def test_a_key_sees_the_names_of_its_own_project_only(client):
    for project in ("shop", "bank"):
        bad = request({"name": f"of {project}", "span_id": b""})
        post(client, bad.SerializeToString(), **{"x-spanwise-project": project})
    _, secret = client.app.state.server.store.create_key("shop", "", frozenset({"read"}))
    html = client.get("/settings/ingest", headers={"x-api-key": secret}).text
    assert "of shop" in html
    assert "of bank" not in html


def test_settings_lead_there(client):
    answer = client.get("/settings?project=shop")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/ingest?project=shop")


def test_only_so_many_mishaps_are_remembered_and_all_are_counted():
    health = Health()
    for n in range(MISHAPS + 20):
        health.turned_away("traces", Overloaded(f"full {n}"), f"project {n}")
    state = health.state()
    assert len(state.mishaps) == MISHAPS
    assert state.mishaps[0].sentence == f"full {MISHAPS + 19}"
    assert state.turned_away == {("traces", "overloaded"): MISHAPS + 20}


def test_who_is_refused_again_and_again_hides_nobody_else():
    health = Health()
    refused = Refusals()
    refused.refuse("chat", BadSpan("bad_id", "its trace id is empty or all zeros."), "my.library")
    health.took("traces", 0, refused, None)
    for n in range(3 * MISHAPS):
        health.turned_away("traces", Overloaded(f"full {n}"))
        health.took("traces", 0, refused, "another")
    mishaps = health.state().mishaps
    alike = [one.sentence for one in mishaps if one.reason == "overloaded"]
    assert alike == [f"full {3 * MISHAPS - 1 - n}" for n in range(MISHAPS_ALIKE)]
    assert [one.project for one in mishaps if one.name == "chat"] == ["another"] * MISHAPS_ALIKE + [None]
    assert health.state().turned_away == {("traces", "overloaded"): 3 * MISHAPS}


def test_what_programs_dropped_is_counted_once_however_often_they_say_it(client):
    body = request({}).SerializeToString()
    first, second = "a" * 32, "b" * 32
    for told in (f"{first}=3", f"{first}=3", f"{first}=5", f"{second}=2", "nonsense", f"{first}=-1", f"{first}=x"):
        assert post(client, body, **{"x-spanwise-dropped": told}).status_code == 200
    assert client.app.state.server.intake.health.state().dropped == 7
    html = page(client)
    assert '<span class="name">Lost on the way</span><div><span class="value">7</span>' in html
    assert "<code>dropped_by_sender</code>" in html
    assert "2 more were dropped by the program itself" in html
    assert "spanwise_dropped_by_senders_total 7" in client.get("/metrics").text


def test_percentiles_are_the_bounds_that_hold_them():
    health = Health()
    assert health.state().commit_percentile_s(0.5) is None
    for seconds in [0.004] * 9 + [0.2]:
        health.committed(seconds)
    state = health.state()
    assert (state.commit_percentile_s(0.5), state.commit_percentile_s(0.95)) == (0.005, 0.25)
    health.committed(60)
    assert health.state().commit_percentile_s(1.0) == float("inf")
    assert sum(health.state().commits) == 11


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "—"), (0.05, "≤ 50 ms"), (float("inf"), f"over {COMMIT_BOUNDS_S[-1]:.1f} s")]
)
def test_times_are_told_as_bounds(seconds, words):
    assert bound(seconds) == words
