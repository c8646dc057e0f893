from __future__ import annotations

import json
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pages.made import PROJECT, conversation, in_other_trace, record
from spanwise_server.exports.span_files import SPAN_EXPORTS
from spanwise_server.pages import step_traces
from spanwise_server.pages.step_graph import followed
from spanwise_server.pages.step_mix import dearest_steps, digest, step_mix, steps_in, told_of

LOOP = (
    record(1, None, "assistant", 0, 100, kind="agent"),
    record(2, 1, "plan", 0, 10, kind="llm", cost_nusd=5),
    record(3, 1, "search", 10, 10, kind="tool", status="error"),
    record(4, 1, "plan", 20, 10, kind="llm", cost_nusd=7),
    record(5, 1, "answer", 50, 10, kind="llm", cost_nusd=11),
)
ONCE = (record(1, None, "assistant", 0, 100, kind="agent"), record(2, 1, "plan", 0, 10, kind="llm"))
LARGE = tuple(record(n, 1, f"step {n}", n, 1) for n in range(2, 5_003))


def test_runs_in_a_trace_and_what_follows_are_counted():
    mix = step_mix(map(digest, [LOOP, ONCE, (record(1, None, "other", 0, 5),)]), "plan")
    assert (mix.traces, mix.runs, mix.most, mix.again) == (2, 3, 2, 1)
    assert mix.loops == ((1, 1), (2, 1))
    assert {one.step: one.times for one in mix.after} == {("tool", "search"): 1, ("llm", "answer"): 1, None: 1}
    assert [(one.step, one.share) for one in mix.within] == [(("agent", "assistant"), 1.0)]


def test_the_dearest_steps_have_what_ran_within_them():
    nested = (*LOOP, record(6, 5, "answer", 55, 2, kind="llm", cost_nusd=2))
    dearest = {one.name: one for one in dearest_steps(map(digest, [nested, ONCE]), 8)}
    assert {name: (one.runs, one.cost_nusd, one.share) for name, one in dearest.items()} == {
        "assistant": (2, 25, 1.0),
        "answer": (1, 13, 13 / 25),
        "plan": (3, 12, 12 / 25),
    }
    assert [one.name for one in dearest_steps([digest(nested)], 1)] == ["assistant"]
    assert dearest_steps([digest(ONCE)], 8) == ()


def test_the_dashboard_fetches_the_dearest_steps_after_itself(client):
    client.app.state.server.store.write(conversation())
    where = f"/steps?project={PROJECT}&range=all"
    assert f'hx-get="{where.replace("&", "&amp;")}"' in client.get(f"/dashboard?project={PROJECT}&range=all").text
    part = client.get(where, headers={"hx-request": "true", "hx-target": "div#dearest"}).text
    assert "<html" not in part
    assert part.index(">answer_question</a>") < part.index(">plan</a>")
    assert "Dearest steps" in client.get(where).text


def test_a_kind_tells_steps_of_one_name_apart():
    both = (*ONCE, record(3, 1, "plan", 20, 5, kind="tool"))
    assert step_mix([digest(both)], "plan").runs == 2
    assert step_mix([digest(both)], "plan", "tool").runs == 1
    assert step_mix([digest(both)], "nothing").traces == 0


def test_the_list_counts_every_step_by_kind_and_name():
    uses = {use.name: use for use in steps_in(map(digest, [LOOP, ONCE]))}
    assert (uses["plan"].runs, uses["plan"].traces, uses["plan"].cost_nusd) == (3, 2, 12)
    assert uses["search"].errors == 1


@pytest.fixture
def shop(client):
    store = client.app.state.server.store
    store.write(conversation())
    store.write(in_other_trace(conversation(), "b" * 32, 60_000))
    strange = record(1, None, "a/b?c=<b>#1", 0, 5, kind="tool", status="error")
    store.write(in_other_trace((strange,), "c" * 32, 0))
    return client


def test_every_step_of_the_list_has_a_page(shop):
    listed = shop.get(f"/steps?project={PROJECT}&range=all")
    assert listed.status_code == 200
    names = {one.name for one in conversation()}
    for name in names:
        page = shop.get(f"/steps/{name}", params={"project": PROJECT, "range": "all"})
        assert page.status_code == 200, name
        assert "in 2 traces" in page.text


def test_a_name_may_be_anything_and_is_shown_as_text(shop):
    listed = shop.get(f"/steps?project={PROJECT}&range=all").text
    assert 'href="/steps/a%2Fb%3Fc%3D%3Cb%3E%231?project=acme&amp;range=all&amp;kind=tool"' in listed
    page = shop.get(f"/steps/a%2Fb%3Fc%3D%3Cb%3E%231?project={PROJECT}&range=all&kind=tool")
    assert page.status_code == 200
    assert "<b>#1" not in page.text
    assert "Inputs that fail" in page.text
    assert "100 %" in page.text


def test_a_step_that_is_not_there_is_said(shop):
    assert shop.get(f"/steps/nobody?project={PROJECT}").status_code == 404
    assert "No step in this range" in shop.get("/steps?project=empty&range=24h").text
    everything = shop.get("/steps?project=empty&range=all").text
    assert "No step yet" in everything
    assert "Search all time" not in everything


def test_a_large_trace_is_looked_at_like_any_other_and_only_once(client, monkeypatch):
    store = client.app.state.server.store
    store.write([record(1, None, "root", 0, 10_000), *LARGE])
    where = f"/steps?project={PROJECT}&range=all"
    page = client.get(where).text
    assert "newest 1 trace " in page
    assert ">step 5002</a>" in page
    with monkeypatch.context() as patched:
        patched.setattr(type(store), "outline", lambda *_: pytest.fail("it is known what this trace says"))
        assert client.get(where).text == page
    store.write([record(6_000, 1, "step 2", 9_000, 5)])
    known = re.search(
        r'<td title="step 2">.*?<td data-label="Runs" class="n"><a[^>]*>(\d+)</a>', client.get(where).text
    )
    assert known[1] == "2"


def test_what_there_is_no_room_for_is_said(client, monkeypatch):
    monkeypatch.setattr(step_traces, "MOST_SPANS", 5)
    client.app.state.server.store.write([record(1, None, "root", 0, 10_000), *LARGE[:5]])
    where = f"/steps?project={PROJECT}&range=all"
    assert "Only very large traces" in client.get(where).text
    client.app.state.server.store.write(in_other_trace(ONCE, "b" * 32, 20_000))
    assert "1 trace is left out" in client.get(where).text


def test_spans_that_lie_within_each_other_and_those_whose_parent_is_lost_are_counted():
    odd = (
        record(2, 3, "plan", 0, 10, kind="llm", cost_nusd=5),
        record(3, 2, "search", 1, 5, kind="tool"),
        record(4, 4, "itself", 20, 5),
        record(5, 99, "orphan", 30, 5, kind="llm", cost_nusd=7),
    )
    told = digest(odd)
    assert {step[1]: (one.runs, one.spent_nusd) for step, one in told.items()} == {
        "plan": (1, 5), "search": (1, 0), "itself": (1, 0), "orphan": (1, 7),
    }  # fmt: skip
    assert list(told["llm", "orphan"].within) == [("span", "not arrived")]
    for records in (odd, LOOP, (*ONCE, record(3, 1, "plan", 20, 5, kind="tool"))):
        for name, kind in (("plan", ""), ("plan", "tool"), ("orphan", "llm"), ("itself", ""), ("nothing", "")):
            assert step_mix([told_of(records, name, kind)], name, kind) == step_mix([digest(records)], name, kind)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=25).map(sorted),
)
def test_what_a_sibling_followed_is_the_one_that_had_ended_last(times):
    ends = {n: start + length for n, (start, length) in enumerate(times)}
    for n, before in followed(range(len(times)), lambda n: times[n][0], ends.__getitem__):
        done = [other for other in range(n) if ends[other] <= times[n][0]]
        assert (before is None) == (not done)
        assert before is None or ends[before] == max(ends[other] for other in done)


# --- figures and the spans that make them -----------------------------------------------------------------------------


def listed(client, href: str) -> tuple[list[str], str]:
    """Return the spans that a link lists, on all of its pages, and what stands above them."""
    found, above, file = [], "", None
    while href:
        page = client.get(href)
        assert page.status_code == 200, href
        found += re.findall(r'<tr id="c-(\w{32}-\w{16})"', page.text)
        above = re.search(r'aria-label="Figures">(.*?)</p>', page.text, re.DOTALL)[1] if found else ""
        file = file or re.search(r'<a href="(/dashboard/steps/export[^"]*format=jsonl[^"]*)"', page.text)
        after = re.search(r'<a class="btn" href="([^"]*)" rel="next"', page.text)
        href = unescape(after[1]) if after else ""
    assert not found or f"<strong>{len(found):,} " in above
    if file is not None:
        lines = [json.loads(line) for line in client.get(unescape(file[1])).text.splitlines()]
        assert [f"{line['trace_id']}-{line['span_id']}" for line in lines] == found
    return found, above


def cells(html: str) -> list[tuple[str, str, str]]:
    """Return the figures of tables that lead somewhere: column, where to, words."""
    return [
        (column, unescape(href), words)
        for column, cell in re.findall(r'<td data-label="([^"]+)"[^>]*>(.*?)</td>', html)
        for href, words in re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>([^<]+)</a>', cell)
    ]


def test_every_figure_of_the_steps_leads_to_the_spans_that_make_it(shop):
    page = shop.get(f"/steps?project={PROJECT}&range=all").text
    seen = set()
    for column, href, words in cells(page):
        spans, above = listed(shop, href)
        seen.add(column)
        if column == "Runs":
            assert len(spans) == int(words), href
        elif column == "In traces":
            assert len({span[:32] for span in spans}) == int(words)
        elif column == "Cost":
            assert words in above, href
        elif column == "Mean time":
            assert f"mean {words}" in above
        assert spans
    assert seen == {"Runs", "Cost", "A run", "Of all cost", "In traces", "Failed", "Mean time"}
    dear = re.search(r">answer_question</a>.*?</tr>", page)[0]
    within, above = listed(shop, unescape(re.search(r'href="([^"]*of=within[^"]*)"', dear)[1]))
    assert len(within) == 2 * sum(one.cost is not None for one in conversation())


def test_every_figure_of_a_step_leads_to_the_spans_that_make_it(shop):
    for name in ("plan", "a%2Fb%3Fc%3D%3Cb%3E%231"):
        page = shop.get(f"/steps/{name}?project={PROJECT}&range=all").text
        runs = int(re.search(r'>Runs</span><div><span class="value">(\d+)', page)[1])
        keys = re.findall(r'<a class="kpi" href="([^"]+)"><span class="name">([^<]+)</span>', page)
        found = {words: len(listed(shop, unescape(href))[0]) for href, words in keys}
        assert [found[words] for words in ("Runs", "Latency p50", "Latency p95", "Runs in a trace")] == [runs] * 4
        for column, href, words in cells(page):
            if column in ("Runs", "p50", "p95"):
                assert len(listed(shop, href)[0]) == runs
                assert column != "Runs" or int(words) == runs
        for kind in ("after", "around"):
            shares = re.findall(rf'href="([^"]*of={kind}[^"]*)">(\d+)\D</a>', page)
            assert sum(int(times) for _, times in shares) == runs
            for href, times in shares:
                assert len(listed(shop, unescape(href))[0]) == int(times)
        for href, traces in re.findall(r'href="([^"]*of=loops[^"]*)">(\d+) traces?</a>', page):
            assert len({span[:32] for span in listed(shop, unescape(href))[0]}) == int(traces)


@pytest.mark.parametrize("form", SPAN_EXPORTS)
def test_the_spans_of_a_step_are_exported_in_every_format_and_progress_is_told(shop, form):
    where = f"/dashboard/steps/export?project={PROJECT}&range=all&name=plan&format={form}&progress=mine"
    answer = shop.get(where)
    assert answer.status_code == 200
    assert answer.content
    assert answer.headers["content-disposition"] == f'attachment; filename="spans.{SPAN_EXPORTS[form].extension}"'
    run = shop.get(f"/api/v1/traces/export/progress/mine?project={PROJECT}").json()
    listed_at = f"/dashboard/steps?project={PROJECT}&range=all&name=plan"
    assert (run["state"], run["done"], run["of"]) == ("done", *[len(listed(shop, listed_at)[0])] * 2)


def test_the_spans_of_a_step_are_sorted_and_paged(client):
    client.app.state.server.store.write(
        [record(1, None, "root", 0, 10_000), *(record(n, 1, "turn", n, n, kind="tool") for n in range(2, 132))]
    )
    where = f"/dashboard/steps?project={PROJECT}&range=all&name=turn&sort=-latency"
    spans, _ = listed(client, where)
    assert [int(span[33:], 16) for span in spans] == list(range(131, 1, -1))
    assert listed(client, where.replace("-latency", "time"))[0] == spans[::-1]
    nested = in_other_trace((*LOOP, record(6, 5, "answer", 55, 2, kind="llm", cost_nusd=2)), "d" * 32, 0)
    client.app.state.server.store.write(nested)
    inner = where.replace("turn", "answer")
    assert [len(listed(client, f"{inner}&of={of}")[0]) for of in ("runs", "outer", "within")] == [2, 1, 1]
    assert "No such span" in client.get(f"{where}&of=failed").text
    assert client.get(f"/dashboard/steps?project={PROJECT}").status_code == 404
