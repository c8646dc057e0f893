"""Ends in mid-work on ClickHouse: nothing is lost or doubled, and the next start or run brings it to its end."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from clickhouse_server import database
from forked_process import Forked
from spanwise_server.cli import main
from spanwise_server.jobs.retention import DAY_NS, Retention, enforce_all, keep_retention
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Annotator
from spanwise_server.store.clickhouse import ClickHouseStore
from spanwise_server.store.conditions import Sql
from spanwise_server.store.sqlite import SqliteStore
from store_engines import sums
from store_model.spans import TRACES, llm

#: Ends, as by a power cut, before this process asks its server for the so-manyth time what the pattern finds.
ENDING = """
import os, re, signal, sys
from pathlib import Path
from spanwise_server.store import clickhouse_server
from spanwise_server.store.clickhouse import ClickHouseStore
url, folder, left, pattern = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), re.compile(sys.argv[4])
def counted(asked):
    global left
    left -= bool(pattern.search(asked))
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
Server = clickhouse_server.Server
command, command_of, insert = Server.command, Server.command_of, Server.insert
def commanding(server, statement):
    counted(statement)
    return command(server, statement)
def commanding_of(server, statement):
    counted(statement)
    return command_of(server, statement)
def inserting(server, table, columns, rows):
    counted(f"INSERT {table}")
    return insert(server, table, columns, rows)
Server.command, Server.command_of, Server.insert = commanding, commanding_of, inserting
"""
OPEN = f"{ENDING}\nClickHouseStore(url, folder).open()\n"
WRITE = f"""{ENDING}
from store_model.spans import TRACES, llm
store = ClickHouseStore(url, folder)
store.open()
store.write([llm(TRACES[0], "b" * 16, cost=1, tokens=1), llm(TRACES[1], "c" * 16, cost=1, tokens=1)])
"""
RETENTION = f"""{ENDING}
import time
from spanwise_server.jobs import deletion
from spanwise_server.jobs.retention import enforce_all
deletion._SPANS_AT_ONCE = 4
store = ClickHouseStore(url, folder)
store.open()
sum(enforce_all(store, time.time_ns()))
"""
MOVE = f"""{ENDING}
from spanwise_server.cli import main
from spanwise_server.store import move
move._SPANS_AT_ONCE = 4
sys.exit(main(["migrate", "--data", str(folder), "--to", url]))
"""
BACKUP = """
import os, signal, sys
from spanwise_server.cli import main
from spanwise_server.store import clickhouse_backup
clickhouse_backup.back_up = lambda *given, **more: os.kill(os.getpid(), signal.SIGKILL)
main(["backup", sys.argv[3], "--store", sys.argv[1], "--data", sys.argv[2]])
"""


@pytest.fixture
def url() -> Iterator[str]:
    with database() as made:
        yield made


def killed(code: str, *arguments: object) -> None:
    """Run *code*, which has to end by a kill."""
    run = Forked(code, *arguments, environment={**os.environ, "SPANWISE_STRICT": "1"})
    said, _ = run.communicate()
    assert run.returncode == -signal.SIGKILL, said


def opened(url: str, folder: Path) -> ClickHouseStore:
    store = ClickHouseStore(url, folder)
    store.open()
    return store


def counted(store: ClickHouseStore) -> tuple[int, int]:
    """Return the spans and the cost that the sums by the hour come to."""
    hours = sums(store)["r_hour"]
    return sum(row[7] for row in hours), sum(row[-3] for row in hours)


def schema(store: ClickHouseStore) -> list[tuple[str, str]]:
    made = store.server.rows(
        Sql("SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name")
    )
    return [(name, re.sub(r"t_[0-9a-f]{32}\.", "", said)) for name, said in made]


def test_a_kill_in_mid_migration_leaves_tables_that_the_next_start_completes(url, tmp_path):
    with database() as other, closing(opened(other, tmp_path / "other")) as fresh:
        wanted = schema(fresh)
    for place in (2, 6, 11):
        killed(OPEN, url, tmp_path, place, "^CREATE TABLE|^CREATE MATERIALIZED|^ALTER")
    with closing(opened(url, tmp_path)) as store:
        assert schema(store) == wanted
        store.write([llm(TRACES[0], "a" * 16, cost=1)])
        assert counted(store) == (1, 1)


def test_tables_of_an_older_release_are_brought_along_however_often_that_is_cut_off(url, tmp_path):
    said = {
        "gen_ai__output__messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "a kingfisher"}]}]'
    }
    with closing(opened(url, tmp_path)) as store:
        wanted = schema(store)
        store.write([llm(TRACES[0], "a" * 16, cost=1, note="kingfisher", tenant="t7", **said)])
        store.write([llm(TRACES[1], "b" * 16, cost=1)])
        for table, index in (
            ("spans", "of_words"),
            ("spans", "of_said"),
            ("spans", "of_trace"),
            ("traces", "of_trace"),
        ):
            store.server.command_of(f"ALTER TABLE {table} DROP INDEX {index}")
        store.server.command("TRUNCATE TABLE steps")
    for place in (1, 3, 12):
        killed(OPEN, url, tmp_path, place, "^ALTER TABLE (spans|traces) (ADD|DROP|MATERIALIZE)")
    with closing(opened(url, tmp_path)) as store:
        assert dict(schema(store)).keys() == dict(wanted).keys()
        there = store.server.rows(
            Sql("SELECT name FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 'spans'")
        )
        assert {name for (name,) in there} == {"of_trace", "of_version", "of_words", "of_said"}
        for text in ("kingfisher", "attr.tenant:t7", "attr.note:king*"):
            assert [one.trace_id for one in store.find_traces(Query("default", parse(text))).items] == [TRACES[0]], text
        assert counted(store) == (2, 2)


def test_a_write_that_was_cut_off_between_spans_and_traces_is_ended_by_the_next_start(url, tmp_path):
    with closing(opened(url, tmp_path)) as store:
        store.write([llm(TRACES[0], "a" * 16, cost=1, tokens=1)])
    killed(WRITE, url, tmp_path, 1, "^INSERT traces")
    with closing(opened(url, tmp_path)) as store:
        found = {one.trace_id: one.span_count for one in store.find_traces(Query("default")).items}
        assert found == {TRACES[0]: 2, TRACES[1]: 1}
        again = [llm(TRACES[0], "b" * 16, cost=1, tokens=1), llm(TRACES[1], "c" * 16, cost=1, tokens=1)]
        store.write(again)  # nobody was told that they are there
        assert counted(store) == (3, 3)
        assert store.trace("default", TRACES[0]).summary.cost_nusd == 2


def test_a_kill_in_mid_retention_loses_and_doubles_nothing_and_the_next_run_ends_it(url, tmp_path):
    now = time.time_ns()

    def of_trace(n: int) -> list:
        start = now - (3 if n % 2 else 0) * DAY_NS - n * 1_000
        made = [llm(f"{n:032x}", f"{n:08x}{place:08x}", cost=n) for place in range(2)]
        return [replace(one, span=replace(one.span, start_ns=start, end_ns=start + 1_000)) for one in made]

    with closing(opened(url, tmp_path)) as store:
        store.write([one for n in range(1, 21) for one in of_trace(n)])
        keep_retention(store, "default", Retention(days=2))
    for place, pattern in ((1, "ALTER TABLE traces.* DELETE"), (2, "ALTER TABLE spans.* DELETE"), (1, "INSERT span_w")):
        killed(RETENTION, url, tmp_path, place, pattern)
        with closing(opened(url, tmp_path)) as store:
            here = store.find_traces(Query("default", limit=100)).items
            assert {int(one.trace_id, 16) for one in here} >= set(range(2, 21, 2))
            assert counted(store) == (2 * len(here), sum(2 * int(one.trace_id, 16) for one in here))
            assert all(len(store.trace("default", one.trace_id).records) == 2 for one in here)
    with closing(opened(url, tmp_path)) as store:
        sum(enforce_all(store, time.time_ns()))
        assert len(store.find_traces(Query("default", limit=100)).items) == 10
        assert counted(store) == (20, sum(2 * n for n in range(2, 21, 2)))
        raw = store.server.client.query("SELECT count() FROM spans", settings={"final": 0}).result_rows
        assert raw == [(20,)], "what is gone has left the disk"


def test_a_move_that_is_killed_again_and_again_comes_out_whole(url, tmp_path):
    made = SqliteStore(tmp_path / "main.db")
    made.open()
    with closing(made):
        made.write([llm(f"{n:032x}", f"{n * 8 + k:016x}", tokens=1, cost=n) for n in range(1, 13) for k in range(2)])
        ana = Annotator("human", "ana")
        made.annotate([Annotation("1", "default", "correct", f"{1:032x}", None, "fail", annotator=ana)])
        spans = list(made.each_span(Query("default")))
        judged = made.annotations("default", [f"{1:032x}"])
    for place, pattern in ((1, "INSERT span_w"), (2, "INSERT traces"), (2, "INSERT span_w")):
        killed(MOVE, url, tmp_path, place, pattern)
    assert main(["migrate", "--data", str(tmp_path), "--to", url]) == 0
    with closing(opened(url, tmp_path)) as store:
        assert sorted(store.each_span(Query("default")), key=_id) == sorted(spans, key=_id)
        assert store.annotations("default", [f"{1:032x}"]) == judged
        assert counted(store) == (24, sum(2 * n for n in range(1, 13)))


def test_a_backup_that_was_killed_before_its_small_tables_is_none_and_the_next_is_whole(url, tmp_path):
    data, copy = tmp_path / "data", tmp_path / "copy"
    with closing(opened(url, data)) as store:
        store.write([llm(TRACES[0], "a" * 16, cost=1)])
    killed(BACKUP, url, data, copy)
    back = ["--store", f"{url}_back", "--data", str(tmp_path / "back")]
    assert main(["restore", str(copy), *back]) != 0
    assert main(["backup", str(copy), "--store", url, "--data", str(data)]) == 0
    try:
        assert main(["restore", str(copy), *back]) == 0
        with closing(opened(f"{url}_back", tmp_path / "back")) as store:
            assert counted(store) == (1, 1)
            assert store.trace("default", TRACES[0]).summary.span_count == 1
    finally:
        with closing(opened(url, data)) as store:
            store.server.command_at_server(f"DROP DATABASE IF EXISTS {store.server.place.database}_back")


def _id(record: object) -> str:
    return record.span.span_id  # type: ignore[attr-defined]  # a record
