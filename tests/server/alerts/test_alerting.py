"""Looks at rules over real stores: what fires, what is kept of it, and that of several processes one looks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from spanwise_server.alerts.message import traces_path
from spanwise_server.alerts.rule import Last, NewRule
from spanwise_server.errors import NotFound, SpanwiseError
from spanwise_server.jobs.alerting import look, peek, read
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation
from spanwise_server.store import alert_firings
from spanwise_server.store.alert_firings import Firings
from spanwise_server.store.alert_outbox import CLAIM_S, PAUSES_S, Outbox
from spanwise_server.store.alerts import Alerts
from store_engines import opened
from store_model.spans import START_NS, llm, record

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOW = START_NS + MINUTE
BASE = "https://spanwise.example.com"
DEAR = NewRule("Dear users", "cost_usd", 0.02, "1h", by="user", calm_minutes=0)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request):
    with opened(request.param) as made:
        yield made


def trace(n: int) -> str:
    return f"{n:032x}"


def calls(*costs: tuple[str | None, float], start: int = 1):
    """One trace with one call for each user and cost in dollars."""
    return [
        llm(trace(n), f"{n:016x}", cost=round(usd * 1e9), **({} if user is None else {"user__id": user}))
        for n, (user, usd) in enumerate(costs, start)
    ]


def channels(store, *names: str):
    return [Alerts(store).create_channel("default", "email", name, f"{name}@example.com").id for name in names]


def fired(store):
    return {one.key: one for one in Firings(store).open("default")}


def test_a_rule_by_user_fires_for_each_and_says_it_once_to_each_channel(store):
    store.write(calls(("ann", 0.03), ("bob", 0.01), ("cy", 0.05), (None, 0.04)))
    told = channels(store, "oncall", "boss")
    one = Alerts(store).create("default", replace(DEAR, channels=tuple(told)))
    look(store, one, NOW, BASE)
    look(store, one, NOW + 1, BASE)
    assert {key: firing.state.value for key, firing in fired(store).items()} == {
        "ann": pytest.approx(0.03),
        "cy": pytest.approx(0.05),
        None: pytest.approx(0.04),
    }
    waiting = Outbox(store).claim(NOW)
    assert [message.channel.name for message in waiting] == ["oncall", "boss"]
    body = waiting[0].body
    assert body["type"] == "alert.firing"
    assert [firing["key"] for firing in body["data"]["firings"]] == ["cy", None, "ann"], "the furthest beyond first"
    assert body["data"]["firings"][0]["traces_url"].startswith(f"{BASE}/traces?filter=user:cy&from=")


def test_the_link_of_a_firing_finds_the_traces_that_made_it(store):
    store.write(calls(("ann b", 0.03), ("bob", 0.5), ("ann b", 0.01)))
    one = Alerts(store).create("default", replace(DEAR, filter="kind:llm"))
    look(store, one, NOW, BASE)
    firing = fired(store)["ann b"]
    found = store.find_traces(Query("default", parse(firing.filter), firing.from_ns, firing.to_ns)).items
    assert {one.trace_id for one in found} == {trace(1), trace(3)}
    assert "sort=-cost" in traces_path(firing)


def test_it_resolves_when_it_is_fine_again_and_becomes_history(store):
    store.write(calls(("ann", 0.03)))
    one = Alerts(store).create("default", replace(DEAR, channels=tuple(channels(store, "oncall"))))
    look(store, one, NOW, BASE)
    Firings(store).acknowledge("default", fired(store)["ann"].id, "ben")
    assert Firings(store).count_open("default") == 0
    store.delete_trace("default", trace(1))
    look(store, one, NOW + MINUTE, BASE)
    assert fired(store) == {}
    (was,) = Firings(store).history("default")
    assert (was.key, was.acked_by, was.resolved_ns, was.state.worst) == (
        "ann",
        "ben",
        NOW + MINUTE,
        pytest.approx(0.03),
    )
    assert [message.body["type"] for message in Outbox(store).claim(NOW + MINUTE)] == ["alert.firing", "alert.resolved"]
    assert Firings(store).history("default", before=was.id) == ()


def test_rates_latency_and_labels_are_measured(store):
    store.write(
        [
            record(trace(1), "1" * 16, took=1, status="error"),
            record(trace(2), "2" * 16, took=3),
            record(trace(3), "3" * 16, took=3),
            record(trace(4), "4" * 16, took=3),
        ]
    )
    store.annotate(
        [
            Annotation(str(n), "default", name, trace(n), None, label)
            for n, name, label in ((1, "correct", "fail"), (2, "correct", "pass"), (3, "tone", "pass"))
        ]
    )
    alerts = Alerts(store)

    def value(measure: str, **said) -> float | None:
        one = alerts.create("default", NewRule(measure, measure, 0, "1h", **said))
        return read(store, one, NOW)[0].value

    assert value("error_rate") == 0.25
    assert value("error_rate", min_spans=5) is None, "too few spans are no data"
    assert value("latency_p95_ms") == pytest.approx(3_000, rel=0.02)
    assert value("labelled") == 3
    assert value("label_fail_rate") == pytest.approx(1 / 3)
    assert value("label_fail_rate.correct") == 0.5
    assert value("label_fail_rate.tone") == 0
    assert value("label_fail_rate", filter="status:ok") == 0
    assert value("label_fail_rate", filter="name:nothing") is None


def test_fewer_spans_than_usual_fire_too_even_where_there_are_none(store):
    one = Alerts(store).create("default", NewRule("Quiet", "spans", 1, "5m", above=False))
    look(store, one, NOW, BASE)
    assert fired(store)[None].state.value == 0


def test_a_rule_that_cannot_be_answered_says_why(store, monkeypatch):
    alerts = Alerts(store)
    one = alerts.create("default", replace(DEAR, by="name"))
    store.write([record(trace(1), f"{n:016x}", name=f"step {n}") for n in range(3)])
    from spanwise_server.store import tally

    monkeypatch.setattr(tally, "MOST_SERIES", 2)
    look(store, one, NOW, BASE)
    assert "more than 2 series" in alerts.rule("default", one.id).last.error
    assert peek(store, one, NOW).error


def test_what_is_due_is_given_to_one_of_several_processes(store):
    alerts = Alerts(store)
    for n in range(4):
        alerts.create("default", replace(DEAR, name=f"rule {n}"))
    with ThreadPoolExecutor(8) as pool:
        taken = [one.id for due in pool.map(lambda _: Alerts(store).due(NOW), range(8)) for one in due]
    assert sorted(taken) == [one.id for one in alerts.rules("default")]
    assert alerts.due(NOW + 59 * SECOND) == ()
    assert len(alerts.due(NOW + 60 * SECOND)) == 4


def test_a_late_look_changes_nothing_that_a_later_one_found(store):
    store.write(calls(("ann", 0.03)))
    one = Alerts(store).create("default", DEAR)
    look(store, one, NOW + MINUTE, BASE)
    assert Firings(store).take(one, (), NOW, lambda event, told: {}) == ()
    assert "ann" in fired(store)


def test_paused_changed_and_deleted_rules_fire_no_more(store):
    store.write(calls(("ann", 0.03)))
    alerts = Alerts(store)
    one = alerts.create("default", DEAR)
    look(store, one, NOW, BASE)
    renamed = alerts.change("default", one.id, replace(DEAR, name="Costly users"))
    assert "ann" in fired(store), "another name is no other rule"
    paused = alerts.change("default", one.id, replace(renamed.said, enabled=False))
    assert fired(store) == {}
    assert alerts.due(NOW + 2**60) == ()
    look(store, one, NOW + 1, BASE)
    assert fired(store) == {}, "what was looked at before the change counts no more"
    assert Alerts(store).delete("default", one.id).said == paused.said
    with pytest.raises(NotFound):
        alerts.rule("default", one.id)
    assert alerts.restore("default", one.id).said == paused.said


def test_rules_and_channels_of_other_projects_are_not_there(store):
    alerts = Alerts(store)
    (channel,) = channels(store, "oncall")
    one = alerts.create("default", DEAR)
    with pytest.raises(NotFound):
        alerts.rule("other", one.id)
    with pytest.raises(NotFound):
        alerts.channel("other", channel)
    with pytest.raises(SpanwiseError):
        alerts.create("other", replace(DEAR, channels=(channel,)))


def test_no_rule_opens_more_series_than_somebody_could_look_at(store, monkeypatch):
    monkeypatch.setattr(alert_firings, "MOST_OPEN", 2)
    store.write(calls(("ann", 0.03), ("bob", 0.04), ("cy", 0.05)))
    look(store, Alerts(store).create("default", DEAR), NOW, BASE)
    assert set(fired(store)) == {"cy", "bob"}


def test_messages_wait_longer_after_each_failure_and_are_given_up(store):
    alerts, outbox = Alerts(store), Outbox(store)
    channel = alerts.channel("default", channels(store, "oncall")[0])
    outbox.put(channel, {"type": "alert.test"}, NOW)
    now = NOW
    for pause in PAUSES_S:
        (one,) = outbox.claim(now)
        assert outbox.claim(now) == (), "others leave it alone"
        assert outbox.failed(one, "It answered 503.", now)
        now += pause * SECOND
        assert outbox.claim(now - 1) == ()
    (one,) = outbox.claim(now)
    assert not outbox.failed(one, "It answered 503.", now)
    (kept,) = outbox.of_channel(channel)
    assert (kept.state, kept.attempts, kept.error) == ("failed", len(PAUSES_S) + 1, "It answered 503.")
    assert outbox.claim(now + 2**60) == ()


def test_a_message_whose_process_died_is_taken_by_another(store):
    outbox = Outbox(store)
    channel = Alerts(store).channel("default", channels(store, "oncall")[0])
    outbox.put(channel, {"type": "alert.test"}, NOW)
    (first,) = outbox.claim(NOW)
    (again,) = outbox.claim(NOW + CLAIM_S * SECOND)
    assert (again.message_id, again.attempts) == (first.message_id, 2)


def test_messages_to_a_deleted_channel_are_not_sent(store):
    alerts, outbox = Alerts(store), Outbox(store)
    channel = alerts.channel("default", channels(store, "oncall")[0])
    outbox.put(channel, {"type": "alert.test"}, NOW)
    alerts.delete_channel("default", channel.id)
    assert outbox.claim(NOW) == ()
    assert outbox.latest([channel])[channel.id].error == "The channel was deleted."


def test_what_is_over_for_long_is_forgotten(store):
    store.write(calls(("ann", 0.03)))
    alerts, firings, outbox = Alerts(store), Firings(store), Outbox(store)
    one = alerts.create("default", replace(DEAR, channels=tuple(channels(store, "oncall"))))
    look(store, one, NOW, BASE)
    alerts.delete("default", one.id)
    (message,) = outbox.claim(NOW)
    outbox.sent(message.id, NOW)
    for forget in (firings.forget, outbox.forget):
        forget(NOW + MINUTE)
    assert (len(firings.history("default")), len(outbox.of_channel(message.channel))) == (1, 1)
    for forget in (firings.forget, outbox.forget):
        forget(2**62)
    assert (firings.history("default"), outbox.of_channel(message.channel)) == ((), ())


def test_the_latest_look_is_kept_with_what_is_furthest_beyond(store):
    store.write(calls(("ann", 0.01), ("bob", 0.04)))
    alerts = Alerts(store)
    one = alerts.create("default", DEAR)
    assert one.last is None
    look(store, one, NOW, BASE)
    last = alerts.rule("default", one.id).last
    assert last == Last(NOW, (("bob", pytest.approx(0.04)), ("ann", pytest.approx(0.01))), 2)
