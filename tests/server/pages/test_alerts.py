from __future__ import annotations

import re
import time
from dataclasses import replace
from html import unescape

import pytest

from server.pages.made import PROJECT
from spanwise_server.errors import SpanwiseError
from spanwise_server.jobs.alerting import look
from spanwise_server.pages.alert_form import EXAMPLES, amount, shown
from spanwise_server.store.alert_firings import Firings
from spanwise_server.store.alerts import Alerts
from store_model.spans import record

PATH = "/dashboard/alerts"
HOSTILE = "<script>alert(1)</script>"
RULE = {
    "name": "Failures",
    "measure": "error_rate",
    "threshold": "5%",
    "window": "1h",
    "by": "user",
    "calm_minutes": "0",
}


@pytest.fixture
def store(client):
    """The store of a server with a failed and a fine span, of a minute ago."""
    made = client.app.state.server.store
    ago = time.time_ns() - 60_000_000_000
    for n, (user, status) in enumerate(((HOSTILE, "error"), ("bob", "ok")), 1):
        one = record(f"{n:032x}", f"{n:016x}", status=status, user__id=user, project=PROJECT)
        made.write([replace(one, span=replace(one.span, start_ns=ago, end_ns=ago + 1_000_000))])
    return made


@pytest.fixture
def token(client, store):
    match = re.search(r'name="csrf_token" value="([^"]+)"', get(client, f"{PATH}/new"))
    assert match is not None
    return {"csrf_token": match[1]}


def get(client, path: str) -> str:
    answer = client.get(path, params={"project": PROJECT})
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def post(client, token, path: str, **form):
    return client.post(f"{path}?project={PROJECT}", data=token | form)


def made(client, token, **said) -> int:
    answer = post(client, token, f"{PATH}/new", **RULE | said)
    assert answer.status_code == 303, answer.text[:300]
    return Alerts(client.app.state.server.store).rules(PROJECT)[-1].id


def looked(store, rule_id: int) -> None:
    look(store, Alerts(store).rule(PROJECT, rule_id), time.time_ns(), "http://127.0.0.1")


def test_a_project_without_rules_says_what_they_are_for_and_begins_one(client, store):
    html = get(client, PATH)
    assert "No rule yet" in html
    link = re.search(r'href="([^"]+alerts/new[^"]+month[^"]*)"', html)
    assert link is not None
    form = client.get(unescape(link[1])).text
    assert 'value="Budget of the month"' in form
    assert '<option value="cost_usd" selected>' in form
    assert 'value="$100"' in form


def test_a_rule_made_in_the_form_says_at_once_what_it_is_now(client, store, token):
    made(client, token)
    html = get(client, PATH)
    assert "error rate above 5 % in 1 hour by user" in html
    assert "100 % &lt;script&gt;" in html
    assert HOSTILE not in html
    assert "Nothing fires." in html, "firing is left to the job"


def test_what_fires_leads_to_its_traces_and_is_acknowledged_and_resolved(client, store, token):
    rule = made(client, token)
    looked(store, rule)
    html = get(client, PATH)
    assert '<span class="badge error">firing for 1</span>' in html
    href = re.search(r'<a href="(/traces\?[^"]*from=[^"]+)"', html)
    assert href is not None
    traces = client.get(unescape(href[1])).text
    assert f"{1:032x}" in traces
    assert f"{2:032x}" not in traces
    number = Firings(store).open(PROJECT)[0].id
    assert '1<span class="sr"> firing</span>' in get(client, "/dashboard")
    client.cookies.set("spanwise_name", "Ana")
    assert post(client, token, f"{PATH}/firings/{number}/acknowledge").status_code == 303
    assert "Ana" in get(client, PATH)
    assert "firing</span>" not in get(client, "/dashboard"), "what somebody looks after is not counted"
    post(client, token, f"{PATH}/firings/{number}/acknowledge", on="false")
    assert Firings(store).open(PROJECT)[0].acked_by is None
    store.delete_trace(PROJECT, f"{1:032x}")
    looked(store, rule)
    html = get(client, PATH)
    assert "Nothing fires." in html
    assert "100 %" in html[html.index('id="history"') :]


def test_a_rule_that_cannot_work_comes_back_with_the_reason_and_what_was_typed(client, store, token):
    answer = post(client, token, f"{PATH}/new", **RULE | {"threshold": "a lot", "filter": HOSTILE, "window": "15m"})
    assert answer.status_code == 422
    assert "&#39;a lot&#39; is no threshold." in answer.text
    assert 'value="15m"' in answer.text
    assert HOSTILE not in answer.text
    for wrong in ({"filter": "model:("}, {"window": "soon"}, {"by": "shoe"}, {"hold_minutes": "x"}, {"no_data": "x"}):
        assert post(client, token, f"{PATH}/new", **RULE | wrong).status_code == 422, wrong


def test_a_rule_is_changed_paused_deleted_and_had_back(client, store, token):
    rule = made(client, token)
    page = f"{PATH}/rules/{rule}"
    assert 'value="5%"' in get(client, page)
    post(client, token, page, **RULE | {"measure": "label_fail_rate", "label": "correct", "threshold": "0.25"})
    html = get(client, page)
    assert "label_fail_rate" in html
    assert 'value="25%"' in html
    assert Alerts(store).rule(PROJECT, rule).said.measure == "label_fail_rate.correct"
    post(client, token, f"{page}/pause", on="true")
    assert '<span class="badge ">paused</span>' in get(client, PATH)
    post(client, token, page, **RULE)
    assert not Alerts(store).rule(PROJECT, rule).said.enabled, "what rests is changed and rests on"
    post(client, token, f"{page}/pause", on="false")
    assert Alerts(store).rule(PROJECT, rule).said.enabled
    post(client, token, f"{page}/delete")
    undo = re.search(r'data-undo="([^"]+)"', get(client, PATH))
    assert undo is not None
    assert client.get(page, params={"project": PROJECT}).status_code == 404
    assert client.post(unescape(undo[1]), data=token).status_code == 303
    assert "Failures" in get(client, page)


def test_a_budget_stands_on_the_dashboard_with_what_is_left(client, store, token):
    made(client, token, name="Spans a month", measure="spans", threshold="100", window="month", by="")
    html = get(client, "/dashboard")
    assert "Budgets of this month" in html
    assert "98 left" in html
    for page in (html, get(client, PATH)):
        assert len(used_by(client, page, "2</a></strong> of 100", "only=spans")) == 2
    made(client, token, name="Dollars a month", measure="cost_usd", threshold="100", window="month", by="")
    calls = [one for one in client.get(f"/api/v1/spans?project={PROJECT}").json()["items"] if one["cost"]]
    assert len(used_by(client, get(client, PATH), "", "only=priced")) == len(calls)


def test_a_budget_of_failures_or_of_labelled_traces_leads_to_them(client, store, token):
    made(client, token, name="Failures a month", measure="errors", threshold="50", window="month", by="")
    failed = used_by(client, get(client, PATH), "1</a></strong> of 50", "only=spans")
    assert failed == [f"{1:032x}-{1:016x}"]
    for n, label in ((1, "fail"), (2, "maybe")):
        said = {"name": "correct", "target": {"trace_id": f"{n:032x}"}, "label": label}
        assert client.post(f"/api/v1/annotations?project={PROJECT}", json=said).is_success
    made(client, token, name="Labels a month", measure="labelled", threshold="40", window="month", by="")
    href = re.search(r'href="(/traces[^"]*)" hx-boost="false">1</a></strong> of 40', get(client, PATH))
    listed = client.get(f"/api/v1/traces?{unescape(href[1]).partition('?')[2]}").json()["items"]
    assert [one["trace_id"] for one in listed] == [f"{1:032x}"]


def used_by(client, page: str, words: str, only: str) -> list[str]:
    """Return the spans that the figure of a budget leads to."""
    href = re.search(rf'<strong><a href="(/dashboard/calls[^"]*{only}[^"]*)" hx-boost="false">{words}', page)
    assert href is not None
    return re.findall(r'<tr id="c-([^"]+)"', client.get(unescape(href[1])).text)


def test_channels_are_added_tried_and_had_back(client, store, token):
    path = f"{PATH}/channels"
    assert "SPANWISE_SMTP" in get(client, path)
    refused = post(client, token, path, kind="webhook", name="hook", target="ftp://x")
    assert refused.status_code == 422
    assert 'value="ftp://x"' in refused.text
    post(client, token, path, kind="webhook", name="hook", target="http://127.0.0.1:9/")
    (channel,) = Alerts(store).channels(PROJECT)
    html = get(client, path)
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", html)
    assert secret is not None
    post(client, token, f"{path}/{channel.id}/test")
    html = get(client, path)
    assert "given up after 1 attempt: 127.0.0.1 is 127.0.0.1, which is not a public address" in html
    assert 'data-text="The test of hook did not arrive' in html
    post(client, token, f"{path}/{channel.id}/secret")
    assert secret[0] not in get(client, path)
    rule = made(client, token, channel=str(channel.id))
    assert "Told by Failures." in get(client, path)
    post(client, token, f"{path}/{channel.id}/delete")
    undo = re.search(r'data-undo="([^"]+)"', get(client, path))
    assert undo is not None
    client.post(unescape(undo[1]), data=token)
    assert Alerts(store).rule(PROJECT, rule).said.channels == (channel.id,)
    assert "hook" in get(client, path)


def test_history_goes_page_by_page(client, store, token):
    for n in range(3):
        rule = made(client, token, name=f"rule {n}")
        looked(store, rule)
        post(client, token, f"{PATH}/rules/{rule}/pause")
    from spanwise_server.pages import alerts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alerts, "_PAGE", 2)
        html = get(client, PATH)
        history = html[html.index('id="history"') :]
        assert ["rule 2" in history, "rule 0" in history] == [True, False]
        older = re.search(r'href="([^"]+before=\d+)">Older', html)
        assert older is not None
        html = client.get(unescape(older[1])).text
        history = html[html.index('id="history"') :]
    assert ["rule 2" in history, "rule 0" in history] == [False, True]
    assert "Newest" in history


def test_forms_of_other_sites_change_nothing(client, store, token):
    rule = made(client, token)
    for path in ("new", f"rules/{rule}", f"rules/{rule}/delete", f"rules/{rule}/pause", "channels", "channels/1/test"):
        assert post(client, {}, f"{PATH}/{path}", **RULE).status_code == 403, path


AMOUNTS = (
    ("share", "5%", 0.05), ("share", "0.05", 0.05), ("usd", "$1,000.50", 1000.5), ("usd", ".5", 0.5),
    ("ms", "2s", 2000), ("ms", "800ms", 800), ("ms", "1.5 min", 90_000), ("tokens", "200k", 200_000),
    ("count", "-3", -3),
)  # fmt: skip


@pytest.mark.parametrize(("unit", "text", "value"), AMOUNTS)
def test_amounts_are_read_as_people_write_them(unit, text, value):
    assert amount(text, unit, "threshold") == pytest.approx(value)
    assert amount(shown(value, unit), unit, "threshold") == pytest.approx(value)


@pytest.mark.parametrize("unit", EXAMPLES)
def test_what_is_no_amount_is_refused_with_an_example(unit):
    for text in ("", "many", "5 5 x", "1e400", "nan", "inf", "5%5", "--5", "2 parsecs"):
        with pytest.raises(SpanwiseError):
            amount(text, unit, "threshold")
    for example in EXAMPLES[unit].split(" or "):
        assert amount(example, unit, "threshold") > 0
