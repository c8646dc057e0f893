from __future__ import annotations

import pytest

from server.pages.made import PROJECT, conversation, in_other_trace, record
from spanwise_server.pages.step_mix import dearest_steps, step_mix, steps_in

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
    mix = step_mix([LOOP, ONCE, (record(1, None, "other", 0, 5),)], "plan")
    assert (mix.traces, mix.runs, mix.most, mix.again) == (2, 3, 2, 1)
    assert mix.loops == ((1, 1), (2, 1))
    assert {one.step: one.times for one in mix.after} == {("tool", "search"): 1, ("llm", "answer"): 1, None: 1}
    assert [(one.step, one.share) for one in mix.within] == [(("agent", "assistant"), 1.0)]


def test_the_dearest_steps_have_what_ran_within_them():
    nested = (*LOOP, record(6, 5, "answer", 55, 2, kind="llm", cost_nusd=2))
    dearest = {one.name: one for one in dearest_steps([nested, ONCE], 8)}
    assert {name: (one.runs, one.cost_nusd, one.share) for name, one in dearest.items()} == {
        "assistant": (2, 25, 1.0),
        "answer": (1, 13, 13 / 25),
        "plan": (3, 12, 12 / 25),
    }
    assert [one.name for one in dearest_steps([nested], 1)] == ["assistant"]
    assert dearest_steps([ONCE], 8) == ()


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
    assert step_mix([both], "plan").runs == 2
    assert step_mix([both], "plan", "tool").runs == 1
    assert step_mix([both], "nothing").traces == 0


def test_the_list_counts_every_step_by_kind_and_name():
    uses = {use.name: use for use in steps_in([LOOP, ONCE])}
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


def test_what_is_too_large_to_be_looked_at_is_said(client):
    client.app.state.server.store.write([record(1, None, "root", 0, 10_000), *LARGE])
    where = f"/steps?project={PROJECT}&range=all"
    assert "Only very large traces" in client.get(where).text
    client.app.state.server.store.write(in_other_trace(ONCE, "b" * 32, 20_000))
    assert "1 trace with more than 5,000 spans is left out" in client.get(where).text
