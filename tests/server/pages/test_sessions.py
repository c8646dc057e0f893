from __future__ import annotations

import csv
import io
import json
import re
from html import unescape

import pytest
from pyarrow import parquet

from server.pages.made import PROJECT, TRACE, conversation, in_other_trace, record
from spanwise_server.exports import session_files
from spanwise_server.exports.session_files import SESSION_EXPORTS
from spanwise_server.pages import sessions
from spanwise_server.record import Annotation, Annotator
from spanwise_server.store import session_pages, set_sessions, trace_sets

ALL = f"project={PROJECT}&range=all"
ODD = 'a/../"<script>alert(1)</script>?&%20'


@pytest.fixture
def shop(client):
    """A client of a server with a session of two turns, and one of an odd name."""
    store = client.app.state.server.store
    store.write(in_other_trace(conversation(), "b" * 32, 60_000, session_id="s_2"))
    store.write(in_other_trace(conversation(), "c" * 32, 120_000, session_id="s_2"))
    store.write(in_other_trace(conversation(), "d" * 32, 180_000, session_id=ODD))
    return client


def page(client, path: str, **params: str) -> str:
    answer = client.get(path, params=params or None)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def test_the_list_shows_each_session_once_with_its_turns(shop):
    html = page(shop, f"/sessions?{ALL}")
    assert len(re.findall(r'<a class="row-link', html)) == 2
    assert html.index("&lt;script&gt;") < html.index(">s_2</a>")
    assert re.search(r'<td class="s-turns n"><a [^>]*>2</a></td>', html)


def test_a_title_of_the_list_sorts_by_what_sessions_come_to(shop):
    html = page(shop, f"/sessions?{ALL}")
    turns = unescape(re.search(r'<a href="([^"]+)">Turns</a>', html)[1])
    assert re.search(r'class="s-last n" aria-sort="descending"', html)
    html = page(shop, turns)
    assert re.search(r'class="s-turns n" aria-sort="descending"', html)
    assert html.index(">s_2</a>") < html.index("&lt;script&gt;")
    fewest = unescape(re.search(r'aria-sort="descending"><a href="([^"]+)">Turns', html)[1])
    html = page(shop, fewest)
    assert html.index("&lt;script&gt;") < html.index(">s_2</a>")
    exports = [unescape(href) for href in re.findall(r'href="(/api/v1/traces/export[^"]+)"', html)]
    assert exports
    assert all("sort" not in href for href in exports)  # traces have no such order


def test_every_title_of_the_list_sorts(shop):
    html = page(shop, f"/sessions?{ALL}")
    titles = re.findall(r'<th scope="col" class="[^"]+"[^>]*>(.*?)</th>', html)[1:]
    assert [re.sub(r"<[^>]+>", "", title).strip() for title in titles] == [
        "Session", "Asked first", "Answered last", "User", "Turns", "Failed", "Tokens", "Cost", "Length", "Labels",
        "Last",
    ]  # fmt: skip
    for title in titles:
        href = unescape(re.search(r'<a href="([^"]+)">', title)[1])
        assert "aria-sort" in page(shop, href)


@pytest.mark.parametrize("form", SESSION_EXPORTS)
def test_all_sessions_of_the_list_are_exported_a_row_each(shop, form, monkeypatch):
    monkeypatch.setattr(session_files, "_AT_ONCE", 1)
    html = page(shop, f"/sessions?{ALL}&filter=status:ok&sort=-turns")
    href = next(unescape(h) for h in re.findall(r'href="(/sessions/export[^"]+)"', html) if f"format={form}" in h)
    answer = shop.get(f"{href}&progress=mine")
    assert answer.headers["content-disposition"].startswith('attachment; filename="sessions.')
    rows = {
        "jsonl": lambda body: [json.loads(line) for line in body.splitlines()],
        "csv": lambda body: list(csv.DictReader(body.decode("utf-8-sig").splitlines())),
        "parquet": lambda body: parquet.read_table(io.BytesIO(body)).to_pylist(),
    }[form](answer.content)
    assert [(row["session_id"], int(row["trace_count"])) for row in rows] == [(ODD, 1), ("s_2", 2)]
    run = shop.get(f"/api/v1/traces/export/progress/mine?project={PROJECT}").json()
    assert (run["state"], run["done"], run["of"]) == ("done", 2, 2)


def test_an_order_of_only_the_newest_sessions_says_so(shop, monkeypatch):
    monkeypatch.setattr(trace_sets, "MOST_SESSIONS", 1)
    for module in (session_pages, set_sessions):
        monkeypatch.setattr(module, "MOST_ORDERED", 1)
    assert "The newest 1 session " in page(shop, f"/sessions?{ALL}&sort=-cost")
    assert "of-newest" not in page(shop, f"/sessions?{ALL}")


@pytest.mark.parametrize("session", ["s_2", ODD])
def test_every_figure_of_a_session_leads_to_what_makes_it(shop, session):
    store = shop.app.state.server.store
    broken = record(1, None, "broken", 0, 5, status="error")
    store.write(in_other_trace((broken,), "e" * 32, 200_000, session_id=session))
    one = store.session_of(PROJECT, session)
    listed = page(shop, f"/sessions?{ALL}")
    row = next(row for row in listed.split("<tr>") if f'title="{session}"' in unescape(row))
    calls = [span for span in conversation() if span.cost is not None]
    for html in (row, page(shop, "/sessions/one", project=PROJECT, id=session)):
        figures = [(unescape(href), words) for href, words in re.findall(r'<a href="([^"]+)">([^<]+)</a>', html)]
        by_path = {(href.partition("?")[0], "only=priced" in href, "error" in href): (href, words)
                   for href, words in figures}  # fmt: skip
        turns, words = by_path["/traces", False, False]
        assert int(words) == one.turns == len(ids(shop, turns))
        failed, words = by_path["/traces", False, True]
        assert int(words) == one.errors == len(ids(shop, failed))
        cost, words = by_path["/dashboard/calls", True, False]
        spent = page(shop, cost)
        assert len(re.findall(r'<tr id="c-', spent)) == (one.turns - 1) * len(calls)
        assert f'<span class="soft">{words}</span>' in spent
        assert page(shop, by_path["/dashboard/calls", False, False][0]).count('<tr id="c-')


def ids(client, href: str) -> list[str]:
    """Return the traces that a link lists."""
    return [one["trace_id"] for one in client.get(f"/api/v1/traces?{href.partition('?')[2]}").json()["items"]]


def test_labels_of_its_turns_stand_beside_a_session(shop):
    by = Annotator("human", "ana")
    said = [
        Annotation(f"x{n}", PROJECT, "correct", trace * 32, None, label=label, annotator=by, created_ns=n, updated_ns=n)
        for n, (trace, label) in enumerate((("b", "fail"), ("c", "pass"), ("d", "fail")), 1)
    ]
    shop.app.state.server.store.annotate(said)
    cells = re.findall(r'<td class="c-label">(.*?)</td>', page(shop, f"/sessions?{ALL}"), re.DOTALL)
    assert [re.findall(r'class="cut">(\w+)<', cell) for cell in cells] == [["fail"], ["pass"]]


def test_chosen_sessions_are_deleted_with_their_turns_and_nothing_else(shop):
    where = f"/sessions/delete?project={PROJECT}"
    token = re.search(r'name="csrf_token" value="([^"]+)"', page(shop, f"/sessions?{ALL}"))
    assert token is not None
    assert shop.post(where, data={"csrf_token": token[1]}).status_code == 400
    chosen = {"csrf_token": token[1], "session_id": ["s_2", "nobody"]}
    assert "Delete 2 sessions for good?" in shop.post(where, data=chosen).text
    assert len(shop.get(f"/api/v1/traces?project={PROJECT}").json()["items"]) == 3
    answer = shop.post(where, data={**chosen, "sure": "1"}, follow_redirects=False)
    assert answer.status_code == 303
    left = shop.get(f"/api/v1/traces?project={PROJECT}").json()["items"]
    assert [trace["trace_id"] for trace in left] == ["d" * 32]
    assert len(re.findall(r'name="session_id"', page(shop, f"/sessions?{ALL}"))) == 1


def test_a_session_reads_as_a_conversation(shop):
    html = page(shop, f"/sessions/one?project={PROJECT}&id=s_2")
    assert html.index('id="t-' + "b" * 32) < html.index('id="t-' + "c" * 32)
    assert "I was charged twice" in html
    assert f'href="/traces/{"b" * 32}?project={PROJECT}"' in html


def test_a_name_that_is_no_path_is_still_found(shop):
    assert "alert(1)</script>" not in page(shop, "/sessions/one", project=PROJECT, id=ODD)


def test_a_long_session_comes_in_parts(shop, monkeypatch):
    monkeypatch.setattr(sessions, "TURNS", 1)
    first = page(shop, "/sessions/one", project=PROJECT, id="s_2")
    assert 'id="t-' + "c" * 32 not in first
    later, _ = re.findall(r'href="([^"]*)" rel="next"', first)  # above and below the turns
    second = page(shop, later.replace("&amp;", "&"))
    assert 'id="t-' + "c" * 32 in second
    assert "From the first turn" in second


def test_a_long_text_is_cut_and_says_so(shop, monkeypatch):
    monkeypatch.setattr(sessions, "_LONGEST", 10)
    assert "Cut here: the trace has all of it." in page(shop, "/sessions/one", project=PROJECT, id="s_2")


def test_a_session_that_is_not_there_is_not_found(shop):
    assert shop.get("/sessions/one", params={"project": PROJECT, "id": "nobody"}).status_code == 404


def test_a_trace_leads_to_its_session(shop):
    assert f'href="/sessions/one?project={PROJECT}&amp;id=s_2"' in page(shop, f"/traces/{'b' * 32}?project={PROJECT}")


def test_an_empty_list_says_how_to_send_sessions(client):
    client.app.state.server.store.write(in_other_trace(conversation(), TRACE, 0))
    html = page(client, "/sessions?range=all")
    assert "No session yet" in html
    assert "session_id=" in html


def test_a_filter_that_cannot_be_read_is_refused_in_words(shop):
    answer = shop.get(f"/sessions?{ALL}&filter=latency>fast")
    assert answer.status_code == 400
    assert 'id="why-wrong"' in answer.text


def test_what_was_typed_joins_the_filter(shop):
    answer = shop.get("/sessions", params={"project": PROJECT, "filter": "kind:llm", "q": "user:maya"})
    assert answer.headers["location"] == f"/sessions?project={PROJECT}&filter=kind:llm%20user:maya"
