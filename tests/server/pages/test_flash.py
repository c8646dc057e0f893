from __future__ import annotations

import re
from html import unescape

import pytest

from spanwise_server.pages.flash import COOKIE

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
SLOW = "/dashboard?filter=latency%3E2s&range=24h&by=user"


def found(pattern: str, html: str) -> str:
    match = re.search(pattern, html)
    assert match is not None, pattern
    return unescape(match[1])


@pytest.fixture
def form(client):
    return {"csrf_token": found(r'name="csrf_token" value="([^"]+)"', client.get("/dashboard?range=all").text)}


@pytest.fixture
def undo(client, form):
    """A view of the dashboard that was begun with and is deleted now; where a POST brings it back."""
    said = {"place": "dashboard", "name": "slow ones", "query": SLOW.partition("?")[2]}
    client.post("/views/save", data=form | said)
    number = found(r'name="view" value="(\d+)"', client.get(SLOW).text)
    client.post("/views/default", data=form | {"view": number})
    gone = client.post("/views/delete", data=form | {"view": number})
    assert (gone.status_code, gone.headers["location"]) == (303, SLOW)
    html = client.get(SLOW).text
    assert 'data-text="View slow ones deleted"' in html
    assert '<span class="cut">slow ones</span>' not in html
    return found(r'data-undo="([^"]+)"', html)


def test_a_deleted_view_comes_back_with_its_state_and_as_the_one_begun_with(client, form, undo):
    back = client.post(undo, headers=HTMX | {"x-csrf-token": form["csrf_token"]})
    assert (back.status_code, back.headers["hx-refresh"]) == (204, "true")
    html = client.get("/dashboard?range=all").text
    assert SLOW in unescape(html)
    assert "flash" not in html, "what was said once is not said again"


def test_without_scripts_the_undo_is_a_form_that_leads_back(client, form, undo):
    back = client.post(undo, data=form)
    assert (back.status_code, back.headers["location"]) == (303, SLOW)
    assert '<span class="cut">slow ones</span>' in client.get(SLOW).text


def test_a_view_that_took_the_name_meanwhile_stays(client, form, undo):
    client.post("/views/save", data=form | {"place": "dashboard", "name": "slow ones", "query": "by=env"})
    client.post(undo, data=form)
    assert "/dashboard?by=env" in client.get(SLOW).text


def test_what_others_put_into_the_cookie_is_not_said(client, undo):
    client.cookies.set(COOKIE, "WyJoaSIsIi9ldmlsIl0=.0000")
    assert "flash" not in client.get("/dashboard?range=all").text
