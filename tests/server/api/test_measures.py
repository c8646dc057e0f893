from __future__ import annotations

import pytest

from server.pages.made import PROJECT, conversation, in_other_trace
from spanwise_server.api.measures import MEASURES
from spanwise_server.query.measures import KEYS

PATH = "/api/v1/measures"


@pytest.fixture
def shop(client):
    store = client.app.state.server.store
    store.write(conversation())
    store.write(in_other_trace(conversation(), "b" * 32, 60_000, user_id="maya"))
    return client


def series(client, **asked: str):
    answer = client.get(PATH, params={"project": PROJECT, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()["series"]


def test_without_keys_it_is_one_series_of_everything(shop):
    (one,) = series(shop)
    assert one["key"] == {}
    assert one["values"]["traces"] == 2
    assert one["values"]["spans"] == 2 * len(conversation())
    traces = shop.get(f"/api/v1/traces?project={PROJECT}").json()["items"]
    assert one["values"]["cost_usd"] == pytest.approx(sum(trace["cost_usd"] for trace in traces))
    assert one["values"]["input_tokens"] == sum(trace["usage"]["input_tokens"] for trace in traces)


def test_by_model_and_day_each_series_says_its_keys(shop):
    found = series(shop, by="model,day", filter="kind:llm", measures="spans,latency_p50_ms,unpriced")
    assert all(set(one["key"]) == {"model", "day"} for one in found)
    assert all(len(one["key"]["day"]) == 10 for one in found)
    assert all(list(one["values"]) == ["spans", "latency_p50_ms", "unpriced"] for one in found)
    assert sum(one["values"]["spans"] for one in found) == series(shop, filter="kind:llm")[0]["values"]["spans"]


def test_every_measure_and_every_key_is_answered(shop):
    for key in KEYS:
        assert series(shop, by=key, measures=",".join(MEASURES)), key


def test_what_nobody_knows_is_refused_with_what_there_is(shop):
    for wrong in ({"measures": "profit"}, {"by": "shoe_size"}, {"measures": ","}):
        answer = shop.get(PATH, params=wrong)
        assert answer.status_code == 400
        assert "There are " in answer.json()["error"]["hint"]
