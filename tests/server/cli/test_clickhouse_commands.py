"""The commands on a ClickHouse store: it is looked over, copied while it is written to, and put back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clickhouse_server import database
from spanwise_server.cli import main
from spanwise_server.query.filters import Query
from spanwise_server.record import Annotation, Annotator
from spanwise_server.store.clickhouse import ClickHouseStore
from store_model.spans import TRACES, llm


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ClickHouseStore]:
    with database() as url:
        made = ClickHouseStore(url, tmp_path / "data")
        made.open()
        with closing(made):
            made.write([llm(TRACES[n], f"{n + 1:016x}", at=n, tokens=n, cost=5) for n in range(3)])
            made.url = url
            yield made


def run(store: ClickHouseStore, *arguments: str, data: Path | None = None, url: str = "") -> int:
    return main([*arguments, "--store", url or store.url, "--data", str(data or store.path.parent)])


def test_the_doctor_finds_nothing_wrong_and_then_what_is_broken(store, tmp_path, capsys):
    assert run(store, "doctor", "--full") == run(store, "doctor") == 0
    said = capsys.readouterr().out
    assert "3 spans in 3 traces; all sums are exact" in said
    assert "Of all packed spans each can be read" in said
    store.server.command("INSERT INTO r_hour SELECT * FROM r_hour")
    row = "SELECT * REPLACE (unhex('ee' || repeat('00', 15)) AS trace_id) FROM traces LIMIT 1"
    store.server.command(f"INSERT INTO traces {row}")
    assert run(store, "doctor") == 1
    assert "spanwise recount" in capsys.readouterr().out
    assert run(store, "recount") == run(store, "doctor") == 0
    assert "3 spans in 3 traces" in capsys.readouterr().out
    store.server.command("ALTER TABLE spans UPDATE payload = 'x' WHERE 1 SETTINGS mutations_sync = 1")
    assert run(store, "doctor") == 1
    assert "3 of 3 packed spans cannot be read" in capsys.readouterr().out
    assert run(store, "doctor", data=tmp_path / "other") == 1
    assert "not in" in capsys.readouterr().out


def test_the_doctor_says_who_does_not_answer_and_what_is_not_there_yet(store, capsys):
    assert run(store, "doctor", url="clickhouse://127.0.0.1:1/none") == 1
    assert "Start ClickHouse" in capsys.readouterr().out
    assert run(store, "doctor", url=f"{store.url}_none") == 0
    assert "there is no database" in capsys.readouterr().out


def test_a_copy_made_under_load_is_put_back_whole(store, tmp_path, capsys):
    ana = Annotator("human", "ana")
    store.annotate([Annotation("1", "default", "correct", TRACES[0], None, "fail", annotator=ana)])
    stop, sent = threading.Event(), [3]

    def load() -> None:
        while not stop.is_set():
            n = sent[0] + 1
            store.write([llm(f"{n:032x}", f"{n:016x}", tokens=1, cost=1), llm(f"{n:032x}", f"{n + 2**32:016x}")])
            sent[0] = n

    writer = threading.Thread(target=load)
    writer.start()
    try:
        while sent[0] < 6:
            stop.wait(0.01)
        before = sent[0]
        assert run(store, "backup", str(tmp_path / "copy")) == 0
        after = sent[0]
    finally:
        stop.set()
        writer.join()
    back = {"data": tmp_path / "back", "url": f"{store.url}_back"}
    try:
        assert run(store, "restore", str(tmp_path / "copy"), **back) == 0
        assert "all sums are exact" in capsys.readouterr().out
        assert run(store, "doctor", "--full", **back) == 0
        again = ClickHouseStore(back["url"], back["data"])
        again.open()
        with closing(again):
            assert before <= len(again.find_traces(Query("default", limit=1_000)).items) <= after + 1
            assert again.annotations("default", TRACES) == store.annotations("default", TRACES)
            assert again.trace("default", TRACES[0]) == store.trace("default", TRACES[0])
        assert run(store, "restore", str(tmp_path / "copy"), **back) == 2
        assert "already" in capsys.readouterr().err
    finally:
        store.server.command(f"DROP DATABASE IF EXISTS `{store.server.place.database}_back`")


def test_a_copy_that_cannot_be_made_says_what_would_help(store, tmp_path, capsys):
    assert run(store, "restore", str(tmp_path / "nowhere"), url=f"{store.url}_new") == 2
    assert "There is no backup" in capsys.readouterr().err
    assert run(store, "backup", str(tmp_path / "copy"), url=f"{store.url}?cluster=main") == 2
    assert "ON CLUSTER main" in capsys.readouterr().err
