from __future__ import annotations

from contextlib import closing

import pytest

from spanwise_server.errors import NotFound, SpanwiseError
from spanwise_server.store.sqlite import SqliteStore
from spanwise_server.store.views import LONGEST_QUERY, Views


@pytest.fixture
def views(tmp_path):
    store = SqliteStore(tmp_path / "main.db")
    store.open()
    with closing(store):
        yield Views(store)


def test_a_view_is_kept_under_its_name_and_takes_a_new_state(views):
    first = views.save("acme", "traces", "  slow   ones ", "filter=latency>2s", "ana")
    assert (first.name, first.query, first.created_by) == ("slow ones", "filter=latency>2s", "ana")
    again = views.save("acme", "traces", "slow ones", "filter=latency>5s")
    assert again.id == first.id
    views.save("acme", "dashboard", "slow ones", "by=user")
    views.save("other", "traces", "theirs", "")
    assert {(v.place, v.query) for v in views.all("acme")} == {
        ("traces", "filter=latency>5s"),
        ("dashboard", "by=user"),
    }
    assert [v.name for v in views.all("acme", "traces")] == ["slow ones"]
    assert views.all("nobody") == ()


def test_a_place_begins_with_one_view_at_most(views):
    one, two = (views.save("acme", "traces", name, f"filter={name}") for name in ("one", "two"))
    views.choose_default("acme", one.id, on=True)
    views.choose_default("acme", two.id, on=True)
    assert views.defaults("acme") == {"traces": "filter=two"}
    views.choose_default("acme", two.id, on=False)
    assert views.defaults("acme") == {}


def test_a_view_of_another_project_is_not_there(views):
    view = views.save("acme", "traces", "mine", "")
    with pytest.raises(NotFound):
        views.delete("other", view.id)
    assert views.delete("acme", view.id).name == "mine"
    with pytest.raises(NotFound):
        views.choose_default("acme", view.id, on=True)


TOO_LONG = "q" * (LONGEST_QUERY + 1)


@pytest.mark.parametrize(("name", "query"), [("", ""), ("x" * 81, ""), ("a\x07b", ""), ("long", TOO_LONG)])
def test_what_is_no_name_or_too_long_is_refused(views, name, query):
    with pytest.raises(SpanwiseError):
        views.save("acme", "traces", name, query)
