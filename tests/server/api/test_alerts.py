from __future__ import annotations

import time
from dataclasses import replace

import pytest

from spanwise_server.jobs.alerting import look
from spanwise_server.store.alerts import Alerts
from store_model.spans import llm

PATH = "/api/v1/alerts"
RULE = {"name": "Dear users", "measure": "cost_usd", "by": "user", "threshold": 5, "window": "month", "calm_minutes": 0}


@pytest.fixture
def store(client):
    made = client.app.state.server.store
    ago = time.time_ns() - 1_000_000
    one = llm("1" * 32, "1" * 16, cost=6_000_000_000, user__id="ann")
    made.write([replace(one, span=replace(one.span, start_ns=ago, end_ns=ago + 1_000))])
    return made


def test_rules_are_kept_changed_and_deleted(client, store):
    made = client.post(f"{PATH}/rules", json=RULE)
    assert made.status_code == 201
    rule = made.json()
    assert (rule["threshold"], rule["above"], rule["no_data"], rule["last"]) == (5.0, True, "ok", None)
    changed = client.put(f"{PATH}/rules/{rule['id']}", json=RULE | {"threshold": 7, "above": False})
    assert (changed.json()["threshold"], changed.json()["above"]) == (7.0, False)
    assert [one["id"] for one in client.get(f"{PATH}/rules").json()["items"]] == [rule["id"]]
    assert client.get(f"{PATH}/rules?project=other").json()["items"] == []
    assert client.delete(f"{PATH}/rules/{rule['id']}").status_code == 204
    assert client.get(f"{PATH}/rules/{rule['id']}").status_code == 404


def test_what_fires_is_listed_acknowledged_and_becomes_history(client, store):
    rule_id = client.post(f"{PATH}/rules", json=RULE).json()["id"]
    look(store, Alerts(store).rule("default", rule_id), time.time_ns(), "http://127.0.0.1")
    (firing,) = client.get(PATH).json()["items"]
    assert (firing["key"], firing["value"], firing["state"], firing["filter"]) == ("ann", 6.0, "firing", "user:ann")
    assert (
        len(
            client.get("/api/v1/traces", params={name: firing[name] for name in ("filter", "from", "to")}).json()[
                "items"
            ]
        )
        == 1
    )
    acknowledged = client.post(f"{PATH}/{firing['id']}/acknowledge").json()
    assert acknowledged["acknowledged_by"]
    assert client.post(f"{PATH}/{firing['id']}/acknowledge?on=false").json()["acknowledged_at"] is None
    (budget,) = client.get(f"{PATH}/budgets").json()["items"]
    assert (budget["used"], budget["left"], budget["key"], budget["limit"]) == (6.0, -1.0, "ann", 5.0)
    client.put(f"{PATH}/rules/{rule_id}", json=RULE | {"enabled": False})
    assert client.get(PATH).json()["items"] == []
    past = client.get(f"{PATH}?state=resolved&limit=1").json()
    assert ([one["id"] for one in past["items"]], past["next"]) == ([firing["id"]], None)
    assert client.get(f"{PATH}/rules/{rule_id}").json()["firings"][0]["state"] == "resolved"


def test_a_channel_shows_its_secret_once_and_says_what_came_of_a_test(client, store):
    made = client.post(
        f"{PATH}/channels", json={"kind": "webhook", "name": "hook", "target": "http://127.0.0.1:9/"}
    ).json()
    assert made["secret"].startswith("whsec_")
    assert "secret" not in client.get(f"{PATH}/channels").json()["items"][0]
    tried = client.post(f"{PATH}/channels/{made['id']}/test").json()
    assert (tried["state"], tried["type"]) == ("failed", "alert.test")
    assert client.get(f"{PATH}/channels/{made['id']}/deliveries").json()["items"] == [tried]
    assert client.get(f"{PATH}/channels").json()["items"][0]["latest"] == tried
    assert client.delete(f"{PATH}/channels/{made['id']}").status_code == 204
    assert client.post(f"{PATH}/channels/{made['id']}/test").status_code == 404


WRONG = (
    {"measure": "profit"},
    {"window": "1y"},
    {"filter": "("},
    {"channels": [99]},
    {"threshold": None},
    {"extra": 1},
)


@pytest.mark.parametrize("said", WRONG, ids=repr)
def test_a_rule_that_cannot_work_is_refused(client, store, said):
    answer = client.post(f"{PATH}/rules", json=RULE | said)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["message"]
