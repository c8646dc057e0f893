"""The words that traces of PostgreSQL are found by go with the last trace that has them, in every process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from postgres_cluster import running
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Record
from spanwise_server.store.base import Kept
from spanwise_server.store.day_rows import DAY_NS
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from store_engines import rows
from store_model.spans import llm


@pytest.fixture
def two(tmp_path) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Give two stores as two server processes have them, on one database."""
    shared = running()
    with ExitStack() as stack:
        url = stack.enter_context(shared.database(shared.made_once("spanwise_template", migrate_database)))
        both = PostgresStore(url, tmp_path / "a"), PostgresStore(url, tmp_path / "b")
        for one in both:
            one.open()
            stack.enter_context(closing(one))
        yield both


def call(n: int, *, days: int = 0, **said: str) -> Record:
    one = llm(f"{n:032x}", f"{n:016x}", **said)
    start = time.time_ns() - days * DAY_NS
    return replace(one, span=replace(one.span, start_ns=start, end_ns=start + 1_000))


def names(store: PostgresStore) -> set[str]:
    """Return the users and sessions that the store knows, whether or not a trace has them."""
    return {value for (value,) in rows(store, "SELECT value FROM words WHERE field IN ('user', 'session')")}


def test_the_names_of_users_and_sessions_go_with_the_last_trace_that_has_them(two):
    store, other = two
    store.write([call(n, user__id=f"u{n % 2}", session__id=f"s{n}") for n in (1, 2, 3)])
    assert other.delete_traces("default", [f"{1:032x}"]) == 1
    assert names(store) == {"u0", "u1", "s2", "s3"}, "another trace is of u1"
    assert store.delete_traces("default", [f"{2:032x}", f"{3:032x}"]) == 2
    assert rows(store, "SELECT * FROM words") == []


def test_a_user_whose_name_went_is_found_when_they_come_again(two):
    by_user = Query("default", parse("user:ana"))
    for deleting in (*two, *two):
        for store in two:
            store.write([call(1, user__id="ana", session__id="s1")])
            assert [one.totals(by_user).traces.n for one in two] == [1, 1]
            assert deleting.delete_traces("default", [f"{1:032x}"]) == 1
            assert [one.totals(by_user).traces.n for one in two] == [0, 0]
            assert store.find_traces(by_user).items == ()
    assert names(two[0]) == set()


def test_names_go_with_the_day_on_which_they_were_last_said(two):
    store, other = two
    old = [call(n, days=40, user__id=f"u{n}", session__id="both") for n in range(1, 6)]
    store.write([*old, call(7, days=40, user__id="u7"), call(8, days=1, user__id="u1", session__id="both")])
    assert other.drop_days({"default": Kept(time.time_ns() - 30 * DAY_NS, labelled=False)}) == 6
    assert names(store) == {"u1", "both"}
    store.write([call(9, user__id="u7")])
    assert [one.totals(Query("default", parse("user:u7"))).traces.n for one in two] == [1, 1]
