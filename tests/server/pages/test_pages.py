from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html import unescape

import pytest
from starlette.testclient import TestClient

from server.pages.made import MS, PROJECT, T0, TRACE, call, conversation, in_other_trace, llm, message, record, span_id
from spanwise import vocabulary as v
from spanwise_server.pages.render import environment
from spanwise_server.pages.static import SCRIPTS, assets
from spanwise_server.record import Annotation, Annotator, Event
from spanwise_server.resources import resource_dir

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>"
TABS = ("messages", "io", "graph", "documents", "prompt", "attributes", "events", "labels")
ALL = f"project={PROJECT}&range=all"


@pytest.fixture
def shop(client):
    """A client of a server that holds one conversation and two traces after it."""
    store = client.app.state.server.store
    store.write(conversation())
    store.write(in_other_trace(conversation(), "b" * 32, 60_000, user_id="maya"))
    store.write(in_other_trace(conversation(), "c" * 32, 120_000, user_id="jonas", session_id="s_1"))
    return client


def page(client: TestClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def test_every_template_compiles():
    env = environment()
    for name in env.list_templates(extensions=["html"]):
        env.get_template(name)


def test_the_list_shows_the_newest_first_with_what_was_asked_and_answered(shop):
    html = page(shop, f"/traces?{ALL}")
    assert html.index('id="t-' + "c" * 32) < html.index('id="t-' + "b" * 32) < html.index(f'id="t-{TRACE}')
    assert "I was charged twice" in html
    assert "<strong>3 traces</strong>" in html
    assert "$0.0330" in html


def test_a_filter_narrows_the_list_and_stands_in_the_bar(shop):
    html = page(shop, f"/traces?{ALL}&filter=user:maya")
    assert 'id="t-' + "b" * 32 in html
    assert 'id="t-' + "c" * 32 not in html
    assert '<span class="key">user:</span>' in html


def test_what_was_typed_becomes_part_of_one_filter(shop):
    answer = shop.get("/traces", params={"project": PROJECT, "range": "all", "filter": "kind:llm", "q": "user:maya"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/traces?project={PROJECT}&filter=kind:llm%20user:maya&range=all"


def test_a_filter_that_cannot_be_read_is_pointed_at(shop):
    answer = shop.get("/traces", params={"project": PROJECT, "filter": "env:prod latency>fast"})
    assert answer.status_code == 400
    assert 'class="chip wrong"' in answer.text
    assert "env:prod latency&gt;<mark>f</mark>ast" in answer.text


def test_nothing_matched_names_the_filter_to_drop_and_what_that_gives(shop):
    html = page(shop, f"/traces?{ALL}&filter=user:maya tag:nothing")
    assert "No trace matches all 2 filters" in html
    assert "Drop tag:nothing" in html
    assert "Without tag:nothing there is 1." in html


@pytest.mark.parametrize(("path", "what", "n"), [("/sessions", "session", 1), ("/dashboard/calls", "call", 3)])
def test_every_list_that_finds_nothing_names_the_filter_to_drop(client, path, what, n):
    client.app.state.server.store.write(
        [replace(one, reading=replace(one.reading, session_id="s_1", user_id="maya")) for one in conversation()]
    )
    html = page(client, f"{path}?{ALL}&filter=user:maya model:nothing")
    assert f"No {what} matches" in html
    assert re.search(rf"Without model:nothing there (is|are) {n}\.", html)
    assert "filter=user:maya&" in re.search(r'<a class="btn primary" href="([^"]+)">Drop model:nothing', html)[1]


def test_a_range_with_nothing_in_it_offers_all_time(shop):
    html = page(shop, f"/traces?project={PROJECT}&from=2020-01-01T00:00&to=2020-01-02T00:00")
    assert "No trace in this range" in html
    assert "Search all time" in html


def test_an_empty_project_gets_the_exact_lines_to_paste(client):
    html = page(client, "/traces?project=new-shop")
    assert 'endpoint=<span class="s">&#34;http://127.0.0.1:4318&#34;' in html.replace('"http', "&#34;http").replace(
        '4318"', "4318&#34;"
    )
    assert "new-shop" in html
    assert "spanwise.init(" in html


def test_the_first_span_page_is_told_when_a_trace_is_there(client):
    waiting = client.get("/traces/first?project=acme")
    assert (waiting.status_code, "hx-redirect" in waiting.headers) == (204, False)
    client.app.state.server.store.write(conversation())
    assert client.get("/traces/first?project=acme").headers["hx-redirect"] == f"/traces/{TRACE}?project=acme"


def test_the_front_door_leads_to_a_project_that_exists(shop):
    assert shop.get("/").headers["location"] == f"/traces?project={PROJECT}"


def test_one_url_gives_page_or_fragment_and_says_so(shop):
    whole = shop.get(f"/traces?{ALL}")
    middle = shop.get(f"/traces?{ALL}", headers={**HTMX, "HX-Target": "div#page"})
    part = shop.get(f"/traces?{ALL}", headers={**HTMX, "HX-Target": "section#list"})
    restored = shop.get(f"/traces?{ALL}", headers={"HX-Request": "true", "HX-Request-Type": "full"})
    assert whole.text.startswith("<!doctype html>")
    assert restored.text.startswith("<!doctype html>")
    assert "<html" not in middle.text
    assert "<title>" in middle.text
    assert "<header" in middle.text
    assert part.text.lstrip().startswith('<div class="bar sum">')
    assert "HX-Request" in whole.headers["vary"]
    assert "HX-Target" in whole.headers["vary"]


def test_pages_walk_back_and_forth_without_losing_a_trace(client):
    store = client.app.state.server.store
    for n in range(120):
        store.write(in_other_trace(conversation()[:1], f"{n:032x}", n * 1_000))
    first = page(client, f"/traces?{ALL}")
    older = re.search(r'href="(/traces\?[^"]*cursor=[^"]*)" rel="next"', first)
    assert older is not None
    second = page(client, older[1].replace("&amp;", "&"))
    ids = [re.findall(r'id="t-([0-9a-f]{32})"', html) for html in (first, second)]
    assert [len(each) for each in ids] == [50, 50]
    assert not set(ids[0]) & set(ids[1])
    newer = re.search(r'href="(/traces\?[^"]*)" rel="prev"', second)
    assert newer is not None
    assert re.findall(r'id="t-([0-9a-f]{32})"', page(client, newer[1].replace("&amp;", "&"))) == ids[0]


def test_labels_stand_in_the_list(shop):
    shop.app.state.server.store.annotate(
        [Annotation("a1", PROJECT, "correct", TRACE, None, "fail", explanation=HOSTILE)]
    )
    html = page(shop, f"/traces?{ALL}")
    assert '<span class="badge error"' in html
    assert "<script>alert" not in html
    head = page(shop, f"/traces/{TRACE}?project={PROJECT}").partition("</header>")[2].partition("</header>")[0]
    assert '<span class="badge error"' in head
    assert "<script>alert" not in head
    assert re.search(r"<dt>Models?</dt><dd title=\"[^\"]+\">", head)


@pytest.mark.parametrize(
    ("sort", "word", "other"), [("labels", "ascending", "-labels"), ("-labels", "descending", "labels")]
)
def test_the_title_of_labels_sorts_the_list(shop, sort, word, other):
    for trace, label in ((TRACE, "pass"), ("c" * 32, "fail")):
        shop.app.state.server.store.annotate([Annotation(trace, PROJECT, "correct", trace, None, label)])
    html = page(shop, f"/traces?{ALL}&sort={sort}")
    assert re.search(rf'class="c-label" aria-sort="{word}"><a href="[^"]+sort={other}">Labels', html)
    assert re.findall(r'title="correct: (\w+)"', html) == sorted(["pass", "fail"], reverse=sort[0] == "-")


def test_completion_offers_fields_then_values_that_exist(shop):
    assert "model:" in page(shop, f"/traces/complete?{ALL}&q=mo")
    values = page(shop, f"/traces/complete?{ALL}&q=user:ma")
    assert "user:maya" in values
    assert "user:jonas" not in values
    assert f"/traces?project={PROJECT}&amp;filter=user:maya" in values
    assert "-user:maya" in page(shop, f"/traces/complete?{ALL}&q=-user:ma")
    for place, path in (("sessions", "/sessions"), ("dashboard", "/dashboard"), ("calls", "/dashboard/calls")):
        assert f"place={place}" in page(shop, f"{path}?{ALL}")
        values = page(shop, f"/traces/complete?{ALL}&place={place}&q=user:ma")
        assert f"{path}?project={PROJECT}&amp;filter=user:maya" in values


def test_a_term_about_one_span_is_completed_and_shown_like_any_other(shop):
    assert 'data-fill="any:"' in page(shop, f"/traces/complete?{ALL}&q=an")
    assert 'data-fill="cost&gt;1 -root:kind:"' in page(shop, f"/traces/complete?{ALL}&q=cost>1 -root:ki")
    values = page(shop, f"/traces/complete?{ALL}&q=any:user:ma")
    assert f"/traces?project={PROJECT}&amp;filter=any:user:maya" in values
    listed = page(shop, f"/traces?{ALL}&filter=any:(kind:llm model:gpt-4o*)")
    assert '<span class="key">any:</span><span class="cut">(kind:llm model:gpt-4o*)</span>' in listed


def test_labels_are_completed_by_the_names_that_were_given(shop):
    ana = Annotator("human", "ana")
    shop.app.state.server.store.annotate([Annotation("a1", PROJECT, "correct", TRACE, None, "fail", annotator=ana)])
    assert 'data-fill="label.correct:"' in page(shop, f"/traces/complete?{ALL}&q=label.c")
    assert "label.correct:fail" in page(shop, f"/traces/complete?{ALL}&q=label.correct:")
    assert "has:label" in page(shop, f"/traces/complete?{ALL}&q=has:")
    listed = page(shop, f"/traces?{ALL}&filter=label.correct:fail annotator:ana")
    assert TRACE in listed
    assert "label.correct:" in listed
    assert TRACE not in page(shop, f"/traces?{ALL}&filter=label.correct:pass")


def test_keys_and_values_of_attributes_are_completed_by_those_of_the_newest_spans(shop):
    assert 'data-fill="attr."' in page(shop, f"/traces/complete?{ALL}&q=att")
    assert 'data-fill="attr.user.id:"' in page(shop, f"/traces/complete?{ALL}&q=attr.us")
    values = page(shop, f"/traces/complete?{ALL}&q=attr.user.id:ma")
    assert "attr.user.id:maya" in values
    assert "jonas" not in values
    assert "<mark>" in page(shop, f"/traces/complete?{ALL}&q=attr.us")


def test_a_trace_shows_its_tree_and_the_chosen_span(shop):
    html = page(shop, f"/traces/{TRACE}?project={PROJECT}&span={span_id(7)}&tab=messages")
    assert html.count('role="treeitem"') == 8
    assert f'id="s-{span_id(7)}" aria-level="2" aria-selected="true"' in html
    assert "new since <em>plan</em>" in html
    assert "<strong>re_1</strong>" in html
    assert "$0.0110" in html


@pytest.mark.parametrize(
    ("number", "tab", "words"),
    [
        (1, "io", "On its way."),
        (8, "documents", "<strong>returns</strong>"),
        (2, "prompt", '<span class="var">{{customer}}</span>'),
        (5, "events", "Traceback: line 1"),
        (2, "attributes", "Search names and values"),
        (2, "labels", "annotate-form"),
    ],
)
def test_each_tab_is_a_url_and_a_fragment(shop, number, tab, words):
    path = f"/traces/{TRACE}?project={PROJECT}&span={span_id(number)}&tab={tab}"
    assert words in page(shop, path)
    part = page(shop, path, **HTMX, **{"HX-Target": "section#detail"})
    assert words in part
    assert 'role="tree"' not in part


def test_a_trace_opened_from_a_list_knows_its_neighbours_in_that_list(shop):
    html = page(shop, f"/traces/{'b' * 32}?{ALL}")
    assert f'id="newer" href="/traces/{"c" * 32}' in html
    assert f'id="older" href="/traces/{TRACE}' in html
    alone = page(shop, f"/traces/{'b' * 32}?{ALL}&filter=user:maya")
    assert 'id="newer"' not in alone
    assert 'id="older"' not in alone


def test_a_tab_that_does_not_exist_goes_no_further_than_this_page(shop):
    html = page(shop, f"/traces/{TRACE}?project={PROJECT}&tab=x%26project%3Dother")
    assert "project=other" not in html
    assert 'aria-selected="true"' in html


def test_a_trace_that_is_not_there_says_what_to_do(shop):
    answer = shop.get(f"/traces/{'f' * 32}?project={PROJECT}")
    assert answer.status_code == 404
    assert "Choose its project" in answer.text
    assert "request " in answer.text


def test_a_trace_whose_root_has_not_come_runs_and_listens_until_it_was_silent_for_long(client):
    old = record(2, 1, "step", 0, 50, kind="tool")
    now = time.time_ns()
    fresh = replace(old, span=replace(old.span, trace_id="e" * 32, start_ns=now - MS, end_ns=now))
    client.app.state.server.store.write((old, fresh))
    html = page(client, f"/traces/{'e' * 32}?project={PROJECT}")
    assert "has not ended" in html
    assert f'data-live="/live?project={PROJECT}&amp;trace={"e" * 32}"' in html
    assert "not arrived" in html
    silent = page(client, f"/traces/{TRACE}?project={PROJECT}")
    assert "unfinished" in silent
    assert "data-live" not in silent
    listed = page(client, f"/traces?{ALL}")
    assert (listed.count(">running<"), listed.count(', running"')) == (1, 1)
    assert (listed.count(">unfinished<"), listed.count(', unfinished"')) == (1, 1)


def test_a_text_is_served_plain_and_can_be_saved(shop):
    path = f"/traces/{TRACE}/text?project={PROJECT}&span={span_id(7)}&at=output.0.0"
    answer = shop.get(path)
    assert answer.text == "The refund **re_1** is on its way."
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "attachment" in shop.get(f"{path}&download=true").headers["content-disposition"]
    assert shop.get(f"/traces/{TRACE}/text?project={PROJECT}&span={span_id(7)}&at=nothing").status_code == 404


def test_html_in_any_field_of_a_trace_shows_as_text(client):
    bad = HOSTILE
    sent = {
        v.INPUT: bad, v.OUTPUT: bad, v.USER_ID: bad, v.SESSION_ID: bad, v.TAGS: [bad], v.ENVIRONMENT: bad,
        v.ERROR_TYPE: bad,        v.PROMPT_NAME: bad, v.PROMPT_VERSION: bad, v.PROMPT_TEMPLATE: bad, bad: bad,
    }  # fmt: skip
    asked = [
        message(bad, bad),
        message("user", json.dumps({bad: bad})),
        message("assistant", None, call(bad, bad, x=bad)),
    ]
    hostile = (
        record(1, None, bad, 0, 100, sent, kind="agent", status="error", events=(Event(T0, bad, {bad: bad}),)),
        llm(2, 1, bad, 10, 50, asked, message("assistant", bad), {**sent, v.RESPONSE_MODEL: bad, v.PROVIDER_NAME: bad}),
        record(
            3,
            1,
            bad,
            70,
            5,
            {v.RETRIEVAL_DOCUMENTS: json.dumps([{"id": bad, "content": bad, bad: bad}])},
            kind="retriever",
        ),
    )
    client.app.state.server.store.write(hostile)
    pages = [f"/traces?{ALL}", f"/traces/complete?{ALL}&q=user:<"]
    trace = f"/traces/{TRACE}?project={PROJECT}"
    pages += [f"{trace}&span={span_id(n)}&tab={tab}" for n in (1, 2, 3) for tab in TABS]
    for path in pages:
        html = page(client, path)
        assert "<script>alert" not in html, path
        assert "<img src=x" not in html, path
    assert "<script>alert" not in client.get("/traces", params={"project": PROJECT, "filter": f"{bad} )"}).text


def test_no_page_needs_what_the_policy_forbids(shop):
    for path in (f"/traces?{ALL}", f"/traces/{TRACE}?project={PROJECT}", "/traces?project=none", "/nowhere", "/login"):
        answer = shop.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        before, ours, after = re.fullmatch(r"(.*?)<script>(.*?)</script>(.*)", answer.text, re.DOTALL).groups()
        assert f"script-src 'self' 'sha256-{b64encode(sha256(ours.encode()).digest()).decode()}';" in policy
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*src=)|javascript:", before + after), path


def test_a_link_to_a_span_opens_it_where_it_has_no_room_beside_the_tree(client):
    client.app.state.server.store.write(conversation())
    path = f"/traces/{TRACE}?project={PROJECT}"
    assert 'id="main" class="detail-open"' not in client.get(path).text
    opened = client.get(f"{path}&span={span_id(2)}&tab=io").text
    assert 'id="main" class="detail-open"' in opened
    back = re.search(r'href="([^"]+)" hx-boost="false" data-close-detail', opened)
    assert back is not None
    assert unescape(back[1]) == path


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_page_asks_for_a_script_twice(name):
    pages = [path.read_text() for path in (resource_dir("web") / "templates").rglob("*.html")]
    asking = [page for page in pages if f"asset('{name}')" in page]
    assert asking
    assert [part for part in SCRIPTS[name] for page in asking if f"asset('{part}')" in page] == []
    assert assets().find(name)[0].body.count(b"\n;") >= len(SCRIPTS[name]) - 1


def test_a_trace_opened_from_the_list_has_all_that_one_opened_by_itself_has(client):
    client.app.state.server.store.write(conversation())
    pages = [client.get(f"{path}?project={PROJECT}&range=all").text for path in ("/traces", f"/traces/{TRACE}")]
    listed, opened = (set(re.findall(r'<script defer src="([^"]+)"', page)) for page in pages)
    assert opened <= listed


def test_static_files_are_kept_for_ever_by_their_hash(client):
    answer = client.get(assets().url("app.css"), headers={"accept-encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert "@layer tokens, base, layout, components, pages" in answer.text
    again = client.get(assets().url("app.css"), headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "immutable" not in client.get("/static/app.css").headers["cache-control"]
    assert client.get("/static/../pyproject.toml").status_code == 404
    assert client.get("/static/%2e%2e/%2e%2e/pyproject.toml").status_code == 404


def test_the_first_load_is_under_100_kb_and_the_next_under_30(shop):
    store = shop.app.state.server.store
    for n in range(50):
        store.write(in_other_trace(conversation(), f"{n:032x}", n * 1_000))
    packed = {"accept-encoding": "gzip"}
    urls = re.findall(r'(?:src|href)="(/static/[^"#]+)', page(shop, f"/traces?{ALL}"))
    sent = {url: int(shop.get(url, headers=packed).headers["content-length"]) for url in set(urls)}
    html = int(shop.get(f"/traces?{ALL}", headers=packed).headers["content-length"])
    assert sum(sent.values()) + html < 100_000
    assert html < 30_000


def test_times_are_written_in_the_readers_zone(shop):
    assert T0 % (1_000 * MS) == 0
    utc = page(shop, f"/traces?project={PROJECT}&from=2026-09-21T00:00:00Z")
    shop.cookies.set("tz", "Asia%2FTokyo")
    tokyo = page(shop, f"/traces?project={PROJECT}&from=2026-09-21T00:00:00Z")
    assert "Since 21 Sep 00:00" in utc
    assert "Since 21 Sep 09:00" in tokyo


def test_columns_are_as_the_cookie_says_and_as_the_url_says_first(shop):
    shop.cookies.set("columns", "time.spans-70")
    html = page(shop, f"/traces?{ALL}")
    assert '<col data-column="spans" width="70">' in html
    assert 'class="c-cost n"' not in html
    assert 'class="c-cost n"' in page(shop, f"/traces?{ALL}&cols=cost")


def test_columns_are_chosen_by_a_form(shop):
    token = re.search(r'name="csrf_token" value="([^"]+)"', page(shop, f"/traces?{ALL}"))
    assert token is not None
    form = {"csrf_token": token[1], "column": ["time", "errors"], "width-errors": "88", "width-time": "wide"}
    answer = shop.post(f"/traces/columns?{ALL}&cols=cost", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/traces?{ALL}"
    assert "columns=time.name.errors-88;" in answer.headers["set-cookie"]


def test_views_are_saved_shared_and_begun_with(shop):
    path = f"/traces?{ALL}&filter=user:maya&cols=cost"
    html = page(shop, path)
    token = re.search(r'name="csrf_token" value="([^"]+)"', html)
    query = re.search(r'name="query" value="([^"]+)"', html)
    assert token is not None
    assert query is not None
    form = {"csrf_token": token[1], "place": "traces", "name": "Maya", "query": query[1].replace("&amp;", "&")}
    saved = shop.post(f"/views/save?project={PROJECT}", data=form)
    assert saved.status_code == 303
    view = saved.headers["location"]
    assert view == f"/traces?project={PROJECT}&filter=user:maya&range=all&cols=name.cost"
    shown = page(shop, view)
    assert '<span class="cut">Maya</span>' in shown
    number = re.search(r'name="view" value="(\d+)"', shown)
    assert number is not None
    begun = {"csrf_token": token[1], "view": number[1], "on": "true"}
    assert shop.post(f"/views/default?project={PROJECT}", data=begun).status_code == 303
    assert shop.get("/").headers["location"] == view
    assert f'href="{view.replace("&", "&amp;")}"' in page(shop, f"/dashboard?project={PROJECT}")
    gone = shop.post(f"/views/delete?project={PROJECT}", data={"csrf_token": token[1], "view": number[1]})
    assert gone.status_code == 303
    assert 'data-text="View Maya deleted"' in page(shop, f"/traces?{ALL}")
    assert "Maya" not in page(shop, f"/traces?{ALL}")


def test_a_view_can_lead_nowhere_but_to_its_place(shop):
    token = re.search(r'name="csrf_token" value="([^"]+)"', page(shop, f"/traces?{ALL}"))
    assert token is not None
    form = {"csrf_token": token[1], "place": "https://evil.example", "name": "x", "query": ""}
    assert shop.post(f"/views/save?project={PROJECT}", data=form).status_code == 400
    form |= {"place": "traces", "query": "project=other&evil=1&filter=%22%3E%3Cscript%3E"}
    answer = shop.post(f"/views/save?project={PROJECT}", data=form)
    assert answer.headers["location"] == f"/traces?project={PROJECT}&filter=%22%3E%3Cscript%3E"


def test_a_prompt_is_compared_with_its_version_before(client):
    def asked(number: int, version: str, template: str, at: float):
        said = {v.PROMPT_NAME: "support", v.PROMPT_VERSION: version, v.PROMPT_TEMPLATE: template}
        return record(number, None, "chat", at, 5, said, kind="llm")

    store = client.app.state.server.store
    store.write((asked(1, "6", "Answer in 200 words.", 0),))
    store.write(in_other_trace((asked(2, "7", "Answer in 120 words.", 100),), "b" * 32, 0))
    path = f"/traces/{'b' * 32}?project={PROJECT}&tab=prompt"
    html = page(client, path)
    assert "Changed since support@6" in html
    assert "<del>200</del>" in html
    assert "<ins>120</ins>" in html
    assert "Changed since" not in page(client, f"/traces/{TRACE}?project={PROJECT}&tab=prompt")


def test_a_trace_is_downloaded_as_it_was_sent(shop):
    html = page(shop, f"/traces/{TRACE}?project={PROJECT}")
    found = re.search(r'href="(/api/v1/traces/export[^"]*otlp[^"]*)"', html)
    assert found is not None
    answer = shop.get(found[1].replace("&amp;", "&"))
    assert answer.status_code == 200
    lines = [json.loads(line) for line in answer.text.splitlines()]
    spans = [s for line in lines for r in line["resourceSpans"] for c in r["scopeSpans"] for s in c["spans"]]
    assert len(spans) == len(conversation())


def test_an_empty_project_says_every_way_to_send_a_first_span(client):
    html = page(client, "/traces?project=it%27s new")
    for way in (
        "spanwise.init(",
        "@</span>spanwise.observe",
        "OTEL_EXPORTER_OTLP_ENDPOINT=",
        "curl http://127.0.0.1:4318",
    ):
        assert way in html, way
    assert "&#39;x-spanwise-project: it&#39;&#34;&#39;&#34;&#39;s new&#39;" in html


@pytest.mark.parametrize(
    "path",
    [
        f"{path}{10**19}"
        for path in ("/label/", "/datasets/", "/rubrics/", "/experiments/", "/label/codes/history?before=")
    ],
)
def test_a_number_that_no_row_can_have_is_no_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert f"There is nothing at {path.partition('?')[0]}." in answer.text


@pytest.mark.parametrize("path", ["/traces", "/sessions", "/dashboard", "/dashboard/calls", "/steps", "/label/codes"])
def test_a_range_may_begin_before_all_time_and_end_after_it(shop, path):
    answer = shop.get(path, params={"project": PROJECT, "from": "0001-01-01", "to": "9999-12-31T23:59:59Z"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/label/never", "/datasets/first", "/experiments/x", "/dashboard/alerts/rules/best"])
def test_a_word_where_a_number_stands_is_no_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert f"There is nothing at {path}." in answer.text
    assert "All traces" in answer.text


def test_arriving_spans_let_a_page_pass_until_its_answer_begins(client, monkeypatch):
    store, made = client.app.state.server.store, []
    find = store.find_traces
    monkeypatch.setattr(store, "find_traces", lambda query: made.append(store.turns.pages._made) or find(query))
    assert client.get("/traces").status_code == 200
    assert set(made) == {1}
    assert store.turns.pages._made == 0
