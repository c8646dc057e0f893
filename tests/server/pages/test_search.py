from __future__ import annotations

import re
from html import unescape

import pytest

from server.pages.made import PROJECT, TRACE, conversation, in_other_trace
from spanwise_server.alerts.rule import NewRule
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.queue import NewQueue
from spanwise_server.pages.help import PAGES
from spanwise_server.pages.jump import found
from spanwise_server.pages.render import PLACES
from spanwise_server.prompts.content import Content
from spanwise_server.store.alerts import Alerts
from spanwise_server.store.datasets import Datasets
from spanwise_server.store.prompts import Prompts
from spanwise_server.store.views import Views

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "#found"}
HOSTILE = "<script>alert(1)</script>"
OTHER = "b" * 32


@pytest.fixture
def shop(client):
    store = client.app.state.server.store
    store.write(conversation())
    store.write(in_other_trace(conversation(), OTHER, 60_000, user_id="maya o'neil", session_id="s_1 a"))
    Prompts(store).publish(
        PROJECT, "support/refund", Content("Hi {{name}}"), note="", by="", labels=[], may_promote=True
    )
    Datasets(store).named(PROJECT, "refund cases")
    Desk(store).queues.create(PROJECT, NewQueue("refunds to check", "Is it right?", "correct"), ())
    Views(store).save(PROJECT, "traces", "refund failures", "filter=status:error")
    Alerts(store).create(PROJECT, NewRule("Refund errors", "error_rate", 0.1, "1h"))
    return client


def hits(client, text: str) -> dict[str, list[str]]:
    """The hrefs of each group."""
    return {
        group.name: [hit.href for hit in group.hits] for group in found(client.app.state.server.store, PROJECT, text)
    }


def jumps(client, text: str) -> str | None:
    answer = client.get("/search", params={"project": PROJECT, "q": text})
    assert answer.status_code in (200, 303), answer.text[:300]
    return answer.headers.get("location")


def test_everything_with_the_typed_letters_is_found(shop):
    told = hits(shop, "REFUND")
    assert list(told) == ["Prompts", "Datasets", "Queues", "Views", "Rules of alerts", "Search"]
    for group, (href, *more) in told.items():
        assert not more, group
        assert shop.get(href).status_code in (200, 303), href


def test_ids_lead_to_their_trace_and_span_however_they_are_written(shop):
    span = conversation()[1].span.span_id
    trace = f"/traces/{TRACE}?project={PROJECT}"
    assert jumps(shop, f" {TRACE.upper()} ") == trace
    assert jumps(shop, f"{TRACE[:8]}-{TRACE[8:12]}-{TRACE[12:16]}-{TRACE[16:20]}-{TRACE[20:]}") == trace, "as a UUID"
    assert jumps(shop, f"00-{TRACE}-{span}-01") == f"{trace}&span={span}"
    assert jumps(shop, f"00-{TRACE}-{'9' * 16}-01") == trace, "a parent that was not recorded"
    led = jumps(shop, span)
    assert led is not None
    assert led.endswith(f"&span={span}")
    assert hits(shop, TRACE[:6])["Traces"] == [trace]
    assert jumps(shop, TRACE[:6]) is None, "what is begun may be meant otherwise"
    assert jumps(shop, "f" * 32) is None
    assert "Traces" not in hits(shop, "abc")


def test_sessions_users_and_names_lead_where_they_are(shop):
    assert jumps(shop, "s_1 a") == f"/sessions/one?project={PROJECT}&id=s_1%20a"
    user = jumps(shop, "maya o'neil")
    assert user is not None
    listed = shop.get(user).text
    assert f'id="t-{OTHER}' in listed
    assert f'id="t-{TRACE}' not in listed
    assert hits(shop, "may")["Users"] == [user]
    assert jumps(shop, "support/refund") == f"/prompts/support/refund?project={PROJECT}"


def test_words_are_searched_in_traces_as_a_filter_or_as_they_are(shop):
    for text in ("charged twice", "kind:tool status:error", 'a "half quoted', "model:(", "(", HOSTILE, "\\"):
        (href,) = hits(shop, text)["Search"]
        assert shop.get(href).status_code == 200, text
    listed = shop.get(hits(shop, "charged twice")["Search"][0]).text
    assert f'id="t-{TRACE}' in listed


def test_what_belongs_to_another_project_is_not_found(shop):
    assert shop.get(f"/search?q={TRACE}").status_code == 200
    assert "support/refund" not in shop.get("/search?q=refund").text


def test_every_page_is_reached_by_its_name(shop):
    for place in PLACES:
        (path,) = [href for href in hits(shop, place.name)["Pages"] if href.startswith(f"{place.path}?")]
        assert shop.get(path).status_code in (200, 303)
    for group in found(shop.app.state.server.store, PROJECT, ""):
        for hit in group.hits:
            assert shop.get(hit.href).status_code in (200, 303), hit.href
    assert PAGES["alerts"] == "Alerts"
    assert "/help/alerts" in hits(shop, "alerts")["Pages"]


def test_without_scripts_it_is_a_form_and_a_page_of_links(shop):
    html = shop.get(f"/dashboard?project={PROJECT}").text
    form = re.search(r'<form class="jump-box" role="search"[^>]*action="/search">(.*?)</form>', html, re.DOTALL)
    assert form is not None
    assert f'name="project" value="{PROJECT}"' in form[1]
    answer = shop.get("/search", params={"project": PROJECT, "q": f"refund {HOSTILE}"})
    assert answer.status_code == 200
    assert HOSTILE not in answer.text
    assert 'role="option"' not in answer.text


def test_while_typing_only_the_list_comes_and_nothing_leads_away(shop):
    answer = shop.get("/search", params={"project": PROJECT, "q": TRACE}, headers=FRAGMENT)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert f'data-asked="{TRACE}"' in answer.text
    assert answer.text.count('role="option"') == 2
    assert unescape(answer.text).count(f'data-href="/traces/{TRACE}?project={PROJECT}"') == 1


def test_who_is_not_let_in_sees_no_search(tmp_path):
    from starlette.testclient import TestClient

    from spanwise_server.app import create_app
    from spanwise_server.settings import Settings

    settings = Settings(data=tmp_path / "closed", password="three green tents")
    with TestClient(create_app(settings), base_url="http://127.0.0.1:4318", follow_redirects=False) as closed:
        assert closed.get("/search?q=x").status_code == 303
        assert "jump-box" not in closed.get("/login").text
