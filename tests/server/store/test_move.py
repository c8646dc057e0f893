"""A store of files moves to PostgreSQL: all of it, once, however often it is cut off."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from forked_process import Forked
from postgres_cluster import running
from server_process import COMMAND
from spanwise_server.cli import main
from spanwise_server.query.filters import Query
from spanwise_server.query.parse import parse
from spanwise_server.record import Annotation, Annotator, Event, SpanLog
from spanwise_server.store.postgres import PostgresStore
from spanwise_server.store.postgres_database import migrate_database
from spanwise_server.store.sqlite import SqliteStore
from store_engines import rows
from store_model.spans import START_NS, llm

PICTURE = b"\x89PNG a picture"
DIGEST = sha256(PICTURE).hexdigest()
ASKED = [
    "", "status:error", "model:gpt-4o", "label:fail", "attr.tenant:t3", "-tag:vip", "cost>0.0000001", "user:ann",
]  # fmt: skip


@pytest.fixture
def url() -> Iterator[str]:
    shared = running()
    with shared.database(shared.made_once("spanwise_template", migrate_database)) as made:
        yield made


def filled(folder: Path, traces: int) -> None:
    store = SqliteStore(folder / "main.db")
    store.open()
    with closing(store):
        store.media.keep({DIGEST: PICTURE})
        for n in range(1, traces + 1):
            of_trace = [
                llm(f"{n:032x}", f"{n:08x}{place:08x}", at=n % 60, cost=n, tenant=f"t{n % 7}", user__id="ann",
                    status="error" if n % 5 == 0 else "ok", note=f"a long text {n % 3} " * 300,
                    project="default" if n % 4 else "other")
                for place in range(4)
            ]  # fmt: skip
            if n == 1:
                of_trace[0] = replace(of_trace[0], media=(DIGEST,))
            store.write(of_trace)
        annotator = Annotator("human", "ana")
        store.annotate([
            Annotation(id=str(n), project="default", name="correct", trace_id=f"{n:032x}", span_id=None,
                       label="fail" if n % 2 else "pass", score=None, explanation=None, correction={"n": n},
                       annotator=annotator, created_ns=n, updated_ns=n, source="ui", metadata=None)
            for n in (1, 2, 3, 5)
        ])  # fmt: skip
        store.write_prepared(
            (),
            [
                [
                    SpanLog(
                        "default", f"{1:032x}", f"{1:08x}{0:08x}", Event(START_NS + 5, "log", {"body": "cache missed"})
                    ),
                    SpanLog(
                        "default", f"{9_999:032x}", "f" * 16, Event(START_NS + 5, "log", {"body": "its span may come"})
                    ),
                ]
            ],
        )
        store.create_key("default", "ci", frozenset({"read"}))
        store.keep_setting("retention/default", '{"days": 30}')


def answers(store) -> list[object]:
    """Return what a store answers to many questions, and its rollups."""
    store.wait_until_searchable()
    found: list[object] = [store.projects(), store.keys(), store.setting("retention/default")]
    for project in store.projects():
        for text in ASKED:
            query = Query(project, parse(text), limit=1_000)
            found += [store.find_traces(query).items, list(store.each_span(query)), store.totals(query)]
            found += [store.histogram(query, 7), store.facets(query, ["model", "user", "label", "status"])]
        ids = [trace.trace_id for trace in store.find_traces(Query(project, limit=1_000)).items]
        found += [store.annotations(project, ids), [store.trace(project, one) for one in ids]]
    series = "SELECT s.kind, s.model, h.* FROM series s JOIN r_hour h ON h.series_id = s.id"
    found.append(sorted((*row[:2], *row[3:]) for row in rows(store, series)))
    for table in ("h_hour", "h_day"):
        found.append(sorted(rows(store, f"SELECT bucket, measure, sum(n) FROM {table} GROUP BY 1, 2")))
    waiting = store.waiting_logs()
    return [*found, waiting.records, store.media_content("default", DIGEST)]


def moved(folder: Path, url: str) -> Forked:
    environment = {**os.environ, "SPANWISE_STRICT": "1"}
    return Forked(COMMAND, "migrate", "--data", folder, "--to", url, environment=environment)


def test_a_moved_store_answers_as_the_first_one_did(tmp_path, url, capsys):
    filled(tmp_path / "data", 40)
    assert main(["migrate", "--data", str(tmp_path / "data"), "--to", url]) == 0
    assert "160 spans of 40 traces are in postgresql://" in capsys.readouterr().out
    here, there = SqliteStore(tmp_path / "data" / "main.db"), PostgresStore(url, tmp_path / "cache")
    here.open()
    there.open()
    with closing(here), closing(there):
        assert answers(there) == answers(here)
        before = answers(there)
        there.recount()
        assert answers(there) == before
        assert there.create_key("default", "new", frozenset({"read"}))[0].id == 2, "numbers go on behind what was moved"
    assert main(["migrate", "--data", str(tmp_path / "data"), "--to", url]) != 0
    assert "moved before" in capsys.readouterr().err


def test_a_move_that_is_killed_again_and_again_comes_out_whole(tmp_path, url, monkeypatch):
    filled(tmp_path / "data", 300)
    there = PostgresStore(url, tmp_path / "cache")
    for _ in range(3):
        process = moved(tmp_path / "data", url)
        _wait_for_more(url, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = moved(tmp_path / "data", url)
    output, _ = process.communicate(timeout=300)
    assert process.returncode in (0, 2), output
    here = SqliteStore(tmp_path / "data" / "main.db")
    here.open()
    there.open()
    with closing(here), closing(there):
        assert answers(there) == answers(here)


def _wait_for_more(url: str, process: Forked) -> None:
    """Wait until more spans are there than before, or the process has ended."""
    began = running().rows(url, "SELECT count(*) FROM spans")
    while process.poll() is None and running().rows(url, "SELECT count(*) FROM spans") == began:
        time.sleep(0.01)


def test_a_target_that_holds_something_else_is_left_alone(tmp_path, url, capsys):
    filled(tmp_path / "data", 2)
    there = PostgresStore(url, tmp_path / "cache")
    there.open()
    with closing(there):
        there.write([llm("a" * 32, "a" * 16)])
    assert main(["migrate", "--data", str(tmp_path / "data"), "--to", url]) != 0
    assert "not empty" in capsys.readouterr().err
    assert main(["migrate", "--data", str(tmp_path / "data"), "--to", str(tmp_path / "other.db")]) != 0
    assert main(["migrate", "--data", str(tmp_path / "nothing"), "--to", url]) != 0
