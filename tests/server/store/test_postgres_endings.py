"""Ends in mid-work and disks that are full, on PostgreSQL: nothing is lost or doubled, and all goes on by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from forked_process import Forked
from postgres_cluster import running
from spanwise_server.errors import Overloaded
from spanwise_server.jobs.retention import DAY_NS, Retention, enforce_all, keep_retention
from spanwise_server.query.filters import Query
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from store_engines import rows
from store_model.spans import TRACES, llm

#: Ends as by a power cut when it has run so many statements of a migration.
MIGRATION = """
import os, signal, sys
from sqlalchemy import Engine, event
from spanwise_server.store.postgres_database import migrate_database
left = int(sys.argv[2])
@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
migrate_database(sys.argv[1])
"""
#: Ends in the middle of the transaction that takes so many traces away.
RETENTION = """
import os, signal, sys, time
from pathlib import Path
from spanwise_server.jobs import deletion
from spanwise_server.jobs.retention import enforce_all
from spanwise_server.store import postgres_write
from spanwise_server.store.postgres import PostgresStore
deletion._SPANS_AT_ONCE = 6
left, drop = int(sys.argv[3]), postgres_write.drop_texts
def dropping(*given):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    drop(*given)
postgres_write.drop_texts = dropping
store = PostgresStore(sys.argv[1], Path(sys.argv[2]))
store.open()
sum(enforce_all(store, time.time_ns()))
store.close()
"""


@pytest.fixture
def url() -> Iterator[str]:
    shared = running()
    with shared.database(shared.made_once("spanwise_template", migrate_database)) as made:
        yield made


def ended(code: str, *arguments: object) -> int:
    run = Forked(code, *arguments, environment={**os.environ, "SPANWISE_STRICT": "1"})
    print(run.communicate()[0])
    return run.wait()


def opened(url: str, folder: Path) -> PostgresStore:
    store = PostgresStore(url, folder)
    store.open()
    return store


def test_a_kill_in_mid_migration_leaves_a_database_that_the_next_start_brings_up(tmp_path):
    with running().database() as url:
        for statements in (60, 160):
            assert ended(MIGRATION, url, statements) == -signal.SIGKILL
            assert running().rows(url, "SELECT to_regclass('spans')") == [(None,)], "all of it, or nothing"
        with closing(opened(url, tmp_path)) as store:
            store.write([llm(TRACES[0], "a" * 16, cost=1)])
            assert rows(store, "SELECT sum(spans), sum(cost_nusd) FROM r_hour") == [(1, 1)]


def test_a_kill_in_mid_retention_loses_and_doubles_nothing_and_the_next_run_ends_it(url, tmp_path):
    now = time.time_ns()
    said = "x" * 3_000

    def of_trace(n: int) -> list:
        start = now - (3 if n % 2 else 0) * DAY_NS - n * 1_000
        made = [llm(f"{n:032x}", f"{n:08x}{place:08x}", cost=n, note=f"{said}{n % 3}") for place in range(2)]
        return [replace(one, span=replace(one.span, start_ns=start, end_ns=start + 1_000)) for one in made]

    with closing(opened(url, tmp_path)) as store:
        store.write([one for n in range(1, 21) for one in of_trace(n)])
        keep_retention(store, "default", Retention(days=2))
        # One of the old day that is kept, so that the day is not dropped as a whole.
        store.write([replace(one, project="other") for one in of_trace(21)])
    for traces in (2, 5):
        assert ended(RETENTION, url, tmp_path, traces) == -signal.SIGKILL
        with closing(opened(url, tmp_path)) as store:
            here = store.find_traces(Query("default", limit=100)).items
            assert {int(one.trace_id, 16) for one in here} >= set(range(2, 21, 2))
            sums = rows(store, "SELECT sum(spans), sum(cost_nusd) FROM r_hour")
            assert sums == [(2 * len(here) + 2, sum(2 * int(one.trace_id, 16) for one in here) + 42)]
            assert all(store.trace("default", one.trace_id).records for one in here), "their texts are there"
    with closing(opened(url, tmp_path)) as store:
        sum(enforce_all(store, time.time_ns()))
        assert len(store.find_traces(Query("default", limit=100)).items) == 10
        assert rows(store, "SELECT sum(spans) FROM r_hour") == [(22,)]
        assert rows(store, "SELECT count(*) FROM texts") == [(4,)], "each project has its own"


def test_while_the_disk_is_full_spans_are_refused_and_taken_when_there_is_room_again(url, tmp_path):
    full = (
        (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
            "'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
        ),
        "CREATE TRIGGER full_disk BEFORE INSERT ON bodies FOR EACH ROW EXECUTE FUNCTION full_disk()",
    )
    with closing(opened(url, tmp_path)) as store, psycopg.connect(url, autocommit=True) as database:
        store.write([llm(TRACES[0], "a" * 16, cost=1)])
        for statement in full:
            database.execute(statement)
        more = [llm(TRACES[0], "b" * 16, cost=1), llm(TRACES[1], "c" * 16, cost=1)]
        for _ in range(2):
            with pytest.raises(Overloaded, match="No space left"):
                store.write(more)
        assert len(store.find_spans(Query("default")).items) == 1, "what is there can be read"
        database.execute("DROP TRIGGER full_disk ON bodies")
        store.write(more)
        assert rows(store, "SELECT sum(spans), sum(cost_nusd) FROM r_hour") == [(3, 3)]
        assert store.trace("default", TRACES[0]).summary.span_count == 2


def test_of_servers_on_one_database_one_does_what_is_done_in_the_background(url, tmp_path):
    with closing(opened(url, tmp_path)) as one, closing(opened(url, tmp_path)) as other:
        with one.alone_in("housekeeping") as mine:
            assert mine
            with other.alone_in("housekeeping") as too, other.alone_in("queues") as others:
                assert (too, others) == (False, True)
        with other.alone_in("housekeeping") as mine:
            assert mine, "whoever comes after"
