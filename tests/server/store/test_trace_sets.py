"""Figures counted on the sets in memory are those that the database gives, whatever was written meanwhile, by whom."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap64 as BitMap

from fuzzing import tries
from postgres_cluster import running
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Annotator
from spanwise_server.store import (
    candidates,
    figures,
    find,
    kept_totals,
    matching,
    newest,
    postgres_sets,
    set_figures,
    set_keeper,
    sqlite_sets,
    trace_sets,
)
from spanwise_server.store import timeline as timeline_of_sets
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from spanwise_server.store.sql_store import SqlStore
from spanwise_server.store.sqlite import SqliteStore
from store_engines import opened
from store_model.spans import START_NS, TRACES, record, records

FIELDS = ("status", "env", "model", "kind", "prompt", "label", "user", "tag", "provider", "session", "name")
ASKED = (
    "", "kind:llm", "-kind:llm", "model:gpt-* status:error", "status:ok", "user:ann OR user:bob", "tag:beta",
    "label:fail", "latency>1s", "cost<0.1", "-cost>0.02", "tokens>=10 -user:ann", "refund", "-refund",
    "ttft>1ms", "-(-kind:llm)", "attr.user.id:bob", f"trace:{TRACES[0]}", "session:s1", "name:chat*",
    "model:gpt-*", "kind:llm user:ann latency>1s",
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request):
    with opened(request.param) as made:
        yield made


@contextmanager
def two_on_one(kind, folder):
    """Give two stores that are not open yet on one file or database, as of two processes."""
    if kind == "sqlite":
        first, second = (SqliteStore(folder / "main.db") for _ in range(2))
        with closing(first), closing(second):
            yield first, second
        return
    cluster = running()
    template = cluster.made_once("spanwise_template", migrate_database)
    with cluster.database(template) as url:
        first, second = (PostgresStore(url, folder, full_text=True) for _ in range(2))
        with closing(first), closing(second):
            yield first, second


@pytest.fixture(autouse=True, scope="module")
def _few_are_many():
    """Have the ways that are for very many traces taken with few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_FEW_OF_ALL", 1)
        patch.setattr(candidates, "_LONG_NS", 1_500_000_000)
        patch.setattr(candidates, "_AT_ONCE", 2)
        patch.setattr(kept_totals, "_FEW_OF_ALL", 1)
        patch.setattr(find, "_NEAR_FIRST", 1)
        patch.setattr(newest, "FEW_OF_ALL", 1)
        patch.setattr(newest, "_TRACES_FIRST", 1)
        yield


def by_sets(store, query):
    figures_of = store.totals(query), store.histogram(query, 7), store.facets(query, FIELDS, 3)
    return (*figures_of, spans_of(store, query), newest_of(store, query), sessions_of(store.find_sessions, query))


def by_sql(store, query):
    figures_of = SqlStore.totals(store, query), SqlStore.histogram(store, query, 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_nearest", lambda *_: None)
        return (
            *figures_of, SqlStore.facets(store, query, FIELDS, 3), spans_of(store, query),
            newest_of(store, query), sessions_of(partial(SqlStore.find_sessions, store), query),
        )  # fmt: skip


def sessions_of(find_sessions, query):
    """Return the sessions of two pages of a query, in several orders."""
    found = []
    for sort in ("-time", "time", "-cost", "turns", "-duration", "user", "-input", "output", "labels"):
        page = find_sessions(replace(query, sort=sort, limit=2))
        after = page.next_cursor and find_sessions(replace(query, sort=sort, limit=2, cursor=page.next_cursor))
        found.append((page.items, page.of_newest, after and after.items))
    return found


def spans_of(store, query):
    """Return the spans of the pages of a query, there and back, in both orders of time."""
    pages = []
    for sort in ("time", "-time"):
        page = store.find_calls(replace(query, sort=sort, limit=3))
        pages.append(page)
        if page.next_cursor:
            pages.append(page := store.find_calls(replace(query, sort=sort, limit=3, cursor=page.next_cursor)))
            pages.append(store.find_calls(replace(query, sort=sort, limit=3, cursor=page.previous_cursor)))
    return [([(one.trace_id, one.span_id) for one in page.items], page.next_cursor) for page in pages]


def newest_of(store, query):
    """Return what a dashboard says of the newest spans alone."""
    return store.session_costs(query), sorted(map(repr, store.call_points(query, 100)))


def agree(store, *asked):
    for field, prefix in (("model", ""), ("user", "b"), ("label", ""), ("name", "re"), ("env", "*")):
        told = SqlStore.values(store, "default", field, prefix)
        assert store.values("default", field, prefix) == told, (field, prefix)
    for text in asked or ASKED:
        for range_ in ({}, {"from_ns": START_NS + 1, "to_ns": START_NS + 4 * 10**9}):
            query = Query("default", parse(text), **range_)
            assert by_sets(store, query) == by_sql(store, query), (text, range_)


def judged(trace_id, label):
    return Annotation(
        id=trace_id, project="default", name="correct", trace_id=trace_id, label=label,
        annotator=Annotator("human", "ana"), created_ns=1, updated_ns=1,
    )  # fmt: skip


def changes():
    return st.one_of(
        st.lists(records(), min_size=1, max_size=6),
        st.tuples(st.just("delete"), st.sampled_from(TRACES)),
        st.tuples(st.sampled_from(("pass", "fail")), st.sampled_from(TRACES)),
        st.tuples(st.just("recount"), st.none()),
    )


def apply(store, change):
    if isinstance(change, list):
        store.write(change)
    elif change[0] == "delete":
        store.delete_trace("default", change[1])
    elif change[0] == "recount":
        store.recount()
    else:
        store.annotate([judged(change[1], change[0])])


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@settings(
    max_examples=8, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)  # fmt: skip
@given(
    st.lists(changes(), min_size=1, max_size=6), st.lists(st.sampled_from(ASKED), min_size=4, max_size=4), st.booleans()
)
def test_sets_say_what_the_database_says_after_every_change(tmp_path_factory, kind, done, asked, waits):
    with two_on_one(kind, tmp_path_factory.mktemp("sets")) as (store, other):
        store.open()
        store.write([record(TRACES[0], "a" * 16, user="ann")])
        store.wait_until_searchable()
        agree(store, *asked)
        other.open()  # as a command does beside a server
        for change in done:
            apply(other if change[0] in ("fail", "recount") else store, change)
            if waits:
                store.wait_until_searchable()
            agree(store, *(text for text in asked if waits or not matching_asks_words(text)))
        store.wait_until_searchable()
        agree(store)


def matching_asks_words(text):
    """Return whether the answer changes by itself, while the text index takes in what was written."""
    return "refund" in text or "attr." in text


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_span_is_counted_once_its_words_are_in_the_index(store, monkeypatch):
    store.write([record(TRACES[0], "a" * 16, name="refund")])
    store.wait_until_searchable()
    refund = Query("default", parse("refund"))
    assert store.totals(refund).traces.n == 1
    with store._index._writes:  # so that the index cannot take in what comes now
        store.write([record(TRACES[1], "b" * 16, name="refund")])
        assert store.totals(refund).traces.n == 1
    store.wait_until_searchable()
    assert store.totals(refund).traces.n == 2


def test_figures_of_more_traces_than_are_looked_at_are_of_the_newest(store, monkeypatch):
    for module in (figures, set_figures):
        monkeypatch.setattr(module, "MOST_COUNTED", 4)
        monkeypatch.setattr(module, "MOST_FACETED", 3)
    monkeypatch.setattr(set_figures, "_SLOWER", 4)
    for n in range(11):
        status = "error" if n % 3 == 0 else "ok"
        store.write([record(f"{n + 1:032x}", f"{n + 1:016x}", at=(n * 7) % 11, status=status, user=f"u{n % 2}")])
    agree(store, "", "status:error", "user:u1", "-user:u1")
    assert store.totals(Query("default")).traces.n == 4
    assert not store.totals(Query("default")).traces.exact


def test_many_changes_at_once_keep_the_order_of_time(store, monkeypatch):
    monkeypatch.setattr(timeline_of_sets, "_FEW", 2)
    store.write([record(f"{n + 1:032x}", f"{n + 1:016x}", at=n) for n in range(0, 20, 2)])
    agree(store, "")
    store.write([record(f"{n + 1:032x}", f"{n + 1:016x}", at=n) for n in range(1, 20, 2)])
    agree(store, "")
    store.delete_traces("default", [f"{n + 1:032x}" for n in range(3, 9)])
    agree(store, "", "kind:llm")


def test_a_field_of_too_many_values_is_asked_of_the_database(store, monkeypatch):
    monkeypatch.setattr(trace_sets, "MOST_VALUES", 2)
    store.write([record(TRACES[0], "a" * 16, user="ann")])
    agree(store, "", "user:ann")
    for n, user in enumerate(("bob", "cleo", "dan")):
        store.write([record(TRACES[n], f"{n + 1:016x}", user=user)])
        agree(store, "", "user:ann", "user:bob")
    store._sets._sets = None  # and where they are too many from the beginning
    agree(store, "", "user:cleo")


def test_large_sets_are_loaded_beside_and_follow_by_themselves(store, monkeypatch):
    monkeypatch.setattr(set_keeper, "MOST_LOADED_AT_ONCE", 0)
    monkeypatch.setattr(set_keeper, "_FOLLOWED_EVERY_S", 0.01)
    store.write([record(TRACES[0], "a" * 16, user="ann")])
    assert store.totals(Query("default")).traces.n == 1
    until(lambda: store._sets._sets is not None)
    store.write([record(TRACES[1], "b" * 16, user="ann")])
    until(lambda: len(store._sets._sets.projects[1].rows) == 2)
    agree(store)
    monkeypatch.setattr(set_keeper, "_GIVEN_UP_AFTER_S", 0.0)
    until(lambda: store._sets._thread is None)
    assert store._sets._sets is None
    agree(store)


def test_large_sets_are_loaded_once_somebody_lists_all_traces_and_small_ones_when_they_are_needed(store, monkeypatch):
    store.write([record(TRACES[0], "a" * 16, user="ann")])
    assert len(store.find_traces(Query("default")).items) == 1
    assert store._sets._sets is store._sets._thread is None
    monkeypatch.setattr(set_keeper, "MOST_LOADED_AT_ONCE", 0)
    assert len(store.find_traces(Query("default")).items) == 1
    until(lambda: store._sets._sets is not None)
    agree(store)


def test_sets_of_too_many_traces_are_not_loaded(store, monkeypatch):
    monkeypatch.setattr(set_keeper, "MOST_LOADED_AT_ONCE", 0)
    monkeypatch.setattr(set_keeper, "MOST_TRACES", 0)
    store.write([record(TRACES[0], "a" * 16, user="ann")])
    agree(store, "")
    until(lambda: store._sets._thread is None)
    agree(store, "")
    assert store._sets._sets is None


def test_sets_that_missed_changes_are_loaded_anew(store, monkeypatch):
    for module in (sqlite_sets, postgres_sets):
        monkeypatch.setattr(module, "MOST_FOLLOWED", 2)
    store.write([record(TRACES[0], "a" * 16, user="ann")])
    agree(store, "")
    before = store._sets._sets
    store.write([record(TRACES[1], "b" * 16, user="bob")])
    agree(store, "")
    assert store._sets._sets is before
    store.write([record(f"{n + 9:032x}", f"{n + 9:016x}") for n in range(3)])
    agree(store, "")
    assert store._sets._sets is not before


def test_sets_that_could_not_follow_are_not_used(store, monkeypatch, caplog):
    store.write([record(TRACES[0], "a" * 16, user="ann")])
    agree(store, "")
    store.write([record(TRACES[1], "b" * 16, user="bob")])
    monkeypatch.setattr(trace_sets.TraceSets, "_forget", lambda *_: 1 / 0)
    agree(store, "")
    assert "loaded anew" in caplog.text


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_sets_follow_transactions_that_end_in_another_order_than_they_began(store):
    store.write([record(trace, f"{n + 1:016x}", user="ann") for n, trace in enumerate(TRACES[:3])])
    agree(store)
    with store._open.write() as early:
        early.execute(
            "UPDATE traces SET duration_ns = duration_ns + 5000000000 WHERE id = (SELECT min(id) FROM traces)"
        )
        with store._open.write() as late:
            late.execute("UPDATE traces SET cost_nusd = 7 WHERE id = (SELECT max(id) FROM traces)")
        agree(store, "latency>1s", "cost<0.1")
    agree(store, "latency>1s", "cost<0.1")
    store.write([record(TRACES[1], "b" * 16, user="bob")])
    agree(store)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_the_log_is_kept_for_those_who_follow_and_no_longer(store, monkeypatch):
    monkeypatch.setattr(postgres_sets, "_KEPT_S", 0.0)

    def logged():
        with store.reading() as connection:
            return connection.execute("SELECT count(*) FROM trace_changes").fetchone()[0]

    store.write([record(TRACES[0], "a" * 16, user="ann")])
    agree(store, "user:ann")
    before = store._sets._sets
    store.write([record(TRACES[1], "b" * 16, user="ann")])
    assert logged() == 1  # what was trimmed was followed before
    agree(store, "user:ann")
    assert store._sets._sets is before
    for n in range(4):
        store.write([record(TRACES[2], f"{n + 1:016x}", user="ann")])
    assert logged() < 4
    agree(store, "user:ann")
    assert store._sets._sets is not before
    with store._open.write() as connection:  # as after a copy of another cluster was put back
        connection.execute("UPDATE trace_changes SET tx = CAST('900000000000' AS xid8)")
        connection.execute("UPDATE settings SET value = '900000000000' WHERE name = 'trace_changes_from'")
    store.close()
    store.open()
    assert logged() == 0
    agree(store, "user:ann")
    before = store._sets._sets
    agree(store, "user:ann")
    assert store._sets._sets is before


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_the_log_of_changes_is_emptied(store):
    store.write([record(TRACES[0], "a" * 16, user="ann")])
    for n in range(5):
        store.write([record(TRACES[1], f"{n + 1:016x}")])
    with store.reading() as connection:
        assert connection.execute("SELECT count(*) FROM trace_changes").fetchone()[0] == 1


def test_a_term_is_asked_anew_where_very_many_traces_have_changed(store, monkeypatch):
    monkeypatch.setattr(matching, "_MOST_PENDING", 1)
    agree(store, "latency>1s", "refund")
    store.write([record(TRACES[n], f"{n + 1:016x}", name="refund") for n in range(3)])
    store.wait_until_searchable()
    agree(store, "latency>1s", "refund")


def until(so):
    end = time.monotonic() + 30
    while not so():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("at_hand", [True, False])
@pytest.mark.parametrize("sort", ["-time", "time", "-latency", "name"])
def test_pages_found_by_sets_are_those_that_the_database_finds(store, monkeypatch, sort, at_hand):
    monkeypatch.setattr(timeline_of_sets, "_FEW", 3)
    monkeypatch.setattr(matching, "_SIZES", (2, 9))
    monkeypatch.setattr(matching, "_ALL_SIZES", (1, 2, 4, 8, 16, 32))
    for n in range(40):
        status = "error" if n % 3 == 0 else "ok"
        name = ("refund", "refund for a day", "a day for")[n % 3] if n % 2 else "other"
        store.write([record(f"{n + 1:032x}", f"{n + 1:016x}", at=(n * 7) % 11, status=status, name=name)])
    store.wait_until_searchable()
    for text in (
        "", "status:error", "-status:error", "refund", "-refund", "user:nobody", "latency>=0ms", '"a day"',
        '-"day for"', '"for a day" status:error', "refund OR latency<0ms", '"day a"',
    ):  # fmt: skip
        for range_ in ({}, {"from_ns": START_NS + 2 * 10**9, "to_ns": START_NS + 7 * 10**9}):
            query = Query("default", parse(text), sort=sort, limit=6, **range_)
            store.totals(query)  # so that the sets are there, and where they are not forgotten, the words too
            walked = []
            while True:
                if not at_hand:
                    store._sets._sets.kept.clear()
                page, asked = store.find_traces(query), SqlStore.find_traces(store, query)
                assert page == asked, (text, range_)
                walked.append(page)
                if page.next_cursor is None:
                    break
                query = replace(query, cursor=page.next_cursor)
            for page in reversed(walked):
                if page.previous_cursor is not None:
                    back = replace(query, cursor=page.previous_cursor)
                    assert store.find_traces(back) == SqlStore.find_traces(store, back), (text, range_)


@settings(max_examples=tries(60), deadline=None)
@given(draw=st.randoms(use_true_random=False), begin=st.none() | st.integers(-2, 62), newer=st.booleans())
def test_rows_beside_a_time_are_those_that_a_page_may_have(draw, begin, newer):
    timeline, most = timeline_of_sets.Timeline(), draw.randrange(1, 250)
    start = {row: draw.randrange(60) for row in range(1, draw.randrange(2, 700))}
    timeline.add([(at, row) for row, at in start.items()])
    among = BitMap([row for row in start if draw.random() < 0.7])
    found = timeline.beside(among, begin, most, newer=newer)
    assert set(found) <= set(among)
    assert len(set(found)) == len(found)
    behind = [row for row in among if begin is None or (start[row] >= begin if newer else start[row] <= begin)]
    further = sorted((row for row in behind if start[row] != begin), key=start.get, reverse=not newer)
    last = {start[row] for row in further[:most][-1:]}
    wanted = {*further[:most], *(row for row in behind if start[row] == begin or start[row] in last)}
    assert wanted <= set(found)


@pytest.mark.parametrize("sort", ["-time", "time", "-latency"])
def test_spans_that_lack_something_are_those_that_the_database_finds(store, monkeypatch, sort):
    monkeypatch.setattr(find, "_MOST_AMONG", 12)
    asked = (
        "-refund",
        "-attr.app.tenant:*",
        "-attr.app.tenant:t1 status:error",
        "-refund -attr.app.tenant:t0",
        "-(refund day)",
    )

    def agree_on_spans():
        store.wait_until_searchable()
        for text in asked:
            query, more = Query("default", parse(text), sort=sort, limit=3), True
            while more:
                page, told = store.find_spans(query), asked_in_sql(store, query)
                assert page == told, text
                query, more = replace(query, cursor=page.next_cursor), page.next_cursor is not None

    for n in range(12):
        trace, other = f"{n + 1:032x}", "a" * 16
        said = {} if n % 5 == 0 else {"app__tenant": f"t{n % 2}"}
        name = "refund day" if n % 3 else "other"
        store.write(
            [record(trace, f"{n + 1:016x}", at=n, name=name, **said), record(trace, other, at=20 - n, name="refund")]
        )
    agree_on_spans()
    store.write([record(f"{2:032x}", "b" * 16, at=3, name="other")])  # a trace that lacked nothing does so now
    agree_on_spans()
    store.write([record(f"{1:032x}", f"{1:016x}", at=0, name="refund", app__tenant="t0")])
    store.delete_trace("default", f"{6:032x}")
    agree_on_spans()
    store.recount()
    agree_on_spans()


def asked_in_sql(store, query):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_traces_of", lambda _: None)
        return store.find_spans(query)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_phrase_that_was_asked_lately_is_proved_as_spans_are_indexed(store, monkeypatch):
    phrase = Query("default", parse('"red fox"'))
    store.write([record(TRACES[0], "a" * 16, name="red fox")])
    store.wait_until_searchable()
    assert len(store.find_traces(phrase).items) == 1
    store.write([record(TRACES[1], "b" * 16, name="a red  fox"), record(TRACES[2], "c" * 16, name="fox red")])
    store.wait_until_searchable()
    with monkeypatch.context() as patch:
        patch.setattr(store._proofs, "_read_back", lambda _: 1 / 0)
        assert {one.trace_id for one in store.find_traces(phrase).items} == {*TRACES[:2]}
    store.write([record(TRACES[1], "b" * 16, name="fox only red")])
    store.wait_until_searchable()
    assert {one.trace_id for one in store.find_traces(phrase).items} == {TRACES[0]}


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_phrase_is_proved_while_others_have_the_sets(store, monkeypatch):
    names = {trace: "red fox" if n % 3 else "fox, not red" for n, trace in enumerate(TRACES)}
    store.write([record(trace, f"{n:016x}", name=name) for n, (trace, name) in enumerate(names.items(), 1)])
    store.wait_until_searchable()
    read_back = store._proofs._read_back
    taken = []

    def noted(addresses):
        taken.append(store._sets._lock.locked())
        return read_back(addresses)

    monkeypatch.setattr(store._proofs, "_read_back", noted)
    monkeypatch.setattr(type(store).__mro__[2], "_page", lambda *_: 1 / 0)
    found = store.find_traces(Query("default", parse('"red fox"'))).items
    assert {one.trace_id for one in found} == {trace for trace, name in names.items() if name == "red fox"}
    assert taken
    assert not any(taken)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_phrase_that_takes_too_many_proofs_is_found_without_the_sets(store, monkeypatch):
    store.write([record(trace, f"{n:016x}", name="fox red" if n % 2 else "red fox") for n, trace in enumerate(TRACES)])
    store.wait_until_searchable()
    query = Query("default", parse('"red fox"'))
    limited = store._proofs.limited
    monkeypatch.setattr(store._proofs, "limited", lambda most: limited(min(most, 3)))
    assert {one.trace_id for one in store.find_traces(query).items} == set(TRACES[::2])
